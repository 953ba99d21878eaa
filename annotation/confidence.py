"""How sure the model is of an object's outline, so that a sure one need not be watched."""

import cv2
import numpy as np
from numpy.typing import NDArray

_REACH_PX = 2  # membrane belongs to a border when it stands this near, along both axes
# Nearer to the border than this, membrane inside is the border's own: no pixel of the core has another piece here.
_BESIDE = ((0, 1), (1, 0), (0, -1), (-1, 0))
_AROUND = (*_BESIDE, (0, 2), (2, 0), (0, -2), (-2, 0), (1, 1), (1, -1), (-1, 1), (-1, -1))
_WEAKEST, _WORST = 0.1, 0.98  # shares of the border's pixels, and of the inside's


def confidence_of(pieces: NDArray[np.int32], membrane: NDArray[np.float32]) -> NDArray[np.float64]:
    """Tell how well the membrane map supports each outline.

    Parameters
    ----------
    pieces : (y, x) int32
        0 for background, else the piece, numbered from 1 (`annotation.boundaries.pieces_of`).
    membrane : (y, x) float32
        Membrane probability; it is looked at in 255 steps, as it is stored.

    Returns
    -------
    (n,) float64
        In [0, 1], for each piece the product of two probabilities: that even the weakest tenth of its border is
        membrane (else it is part of a larger object), and that even the darkest fiftieth of its inside is none (else
        it is two objects). Where the image ends, no membrane is expected.
    """
    count = int(pieces.max(initial=0)) + 1
    levels = np.rint(membrane * 255).astype(np.uint8)
    border = ~_surrounded(pieces, _BESIDE) & (pieces > 0)
    border[[0, -1]] = border[:, [0, -1]] = False
    core = _surrounded(pieces, _AROUND) & (pieces > 0)
    near = np.asarray(cv2.dilate(levels, np.ones((2 * _REACH_PX + 1,) * 2, np.uint8)), np.uint8)
    support = _quantile(pieces[border], near[border], _WEAKEST, count=count, empty=1)
    doubt = _quantile(pieces[core], levels[core], _WORST, count=count, empty=0)
    return (support * (1 - doubt))[1:]


def _surrounded(pieces: NDArray[np.int32], offsets: tuple[tuple[int, int], ...]) -> NDArray[np.bool_]:
    """Tell which pixels have pixels of their own piece at all offsets; outside of the image there are none."""
    height, width = pieces.shape
    reach = max(max(abs(dy), abs(dx)) for dy, dx in offsets)
    padded = np.pad(pieces, reach, constant_values=-1)
    same = np.ones(pieces.shape, np.bool_)
    for dy, dx in offsets:
        same &= padded[reach + dy : reach + dy + height, reach + dx : reach + dx + width] == pieces
    return same


def _quantile(
    pieces: NDArray[np.int32], levels: NDArray[np.uint8], share: float, *, count: int, empty: float
) -> NDArray[np.float64]:
    """Give the quantile of the levels of each piece, as a probability; `empty` for pieces without any."""
    histogram = np.bincount(pieces * np.intp(256) + levels, minlength=count * 256).reshape(count, 256)
    until = np.cumsum(histogram, axis=1)
    rank = share * (until[:, -1:] - 1)
    below, above = ((until <= whole).sum(axis=1) for whole in (np.floor(rank), np.ceil(rank)))
    between = below + (above - below) * (rank[:, 0] % 1)
    return np.where(until[:, -1] > 0, between / 255, empty)
