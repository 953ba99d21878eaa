"""Tasks of known truth: the truth with errors planted, to see whether an annotator finds them."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, find_objects

_WALL_PX = 6  # objects with a wall no thicker than this between them can be run together


def with_planted_errors(
    truth: NDArray[np.unsignedinteger], *, merges: int = 3, missing: int = 2, smallest_px: int = 100, seed: int = 0
) -> NDArray[np.uint32]:
    """Run some neighbouring objects of a section together, as a model does, and leave some out.

    Parameters
    ----------
    truth : (y, x) unsigned integer
        0 is membrane.
    merges : int
        Pairs of neighbours to run together; the wall between them is filled, or the outline would still show it.
    missing : int
        Objects to leave out.
    smallest_px : int
        Objects below this size are left as they are.
    seed : int
        Decides which.

    Returns
    -------
    (y, x) uint32
        No object has more than one planted error; there are fewer errors where there are not enough objects.
    """
    rng = np.random.default_rng(seed)
    planted: NDArray[np.uint32] = np.array(truth, np.uint32)
    windows = find_objects(planted.astype(np.int64))
    sizes = np.bincount(planted.ravel())
    waiting = [int(one) for one in rng.permutation(np.flatnonzero(sizes >= smallest_px)) if one]
    while waiting and (merges or missing):
        one = waiting.pop()
        if missing:
            planted[truth == one] = 0
            missing -= 1
            continue
        y, x = (slice(max(side.start - _WALL_PX, 0), side.stop + _WALL_PX) for side in windows[one - 1])
        near = binary_dilation(truth[y, x] == one, iterations=_WALL_PX)
        beside = np.bincount(truth[y, x][near], minlength=len(sizes))
        others = [other for other in waiting if beside[other]]
        if others:
            other = max(others, key=lambda number: beside[number])
            waiting.remove(other)
            between = near & binary_dilation(truth[y, x] == other, iterations=_WALL_PX) & (truth[y, x] == 0)
            planted[truth == other] = one
            planted[y, x][between] = one
            merges -= 1
    return planted
