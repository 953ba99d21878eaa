"""Missing membrane: a stroke cuts the objects that it crosses, along the membrane that it runs over."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, distance_transform_edt, find_objects
from scipy.ndimage import maximum as maximum_by_label
from skimage.measure import label as connected_components
from skimage.morphology import skeletonize
from skimage.segmentation import watershed


@dataclass(frozen=True)
class CutRules:
    """How a stroke cuts.

    Attributes
    ----------
    raised : float
        Added to the membrane probability under the stroke. Below 1, so that plain membrane beside a careless stroke
        still draws the border to itself.
    aside_px : float
        How far beside the stroke the border may come to lie.
    short_px : int
        A stroke may stop this far short of the object's border.
    smallest_px : int
        A part smaller than this is not cut off.
    """

    raised: float = 0.3
    aside_px: float = 3
    short_px: int = 6
    smallest_px: int = 8


def cut(
    labels: NDArray[np.uint32], membrane: NDArray[np.float32], strokes: NDArray[np.int32], rules: CutRules
) -> tuple[NDArray[np.uint32], set[int]]:
    """Cut objects along strokes.

    Parameters
    ----------
    labels : (y, x) uint32
    membrane : (y, x) float32
    strokes : (y, x) int32
        0 or the number of a stroke.
    rules : CutRules

    Returns
    -------
    labels : (y, x) uint32
        Parts of an object touch; the largest keeps its id. Pieces of an object that a stroke touches are parted too.
    useful : set of int
        The strokes that cut something.

    Notes
    -----
    Every side of the stroke is a seed of a watershed (Meyer 1991) of the membrane inside of the object.
    """
    new = labels.copy()
    windows = find_objects(labels.astype(np.int64))
    crossed = np.unique(labels[strokes > 0])
    barrier = strokes > 0
    useful: set[int] = set()
    for object_id in crossed[crossed > 0].tolist():
        window = windows[object_id - 1]
        sides = _sides(_touched(labels[window] == object_id, barrier[window]), barrier[window], rules)
        useful |= _between(strokes[window], sides)
    redrawn, found = _redrawn(labels, strokes, useful, windows, rules)
    barrier = redrawn > 0
    useful |= found
    following = int(labels.max(initial=0)) + 1
    for object_id in crossed[crossed > 0].tolist():
        window = windows[object_id - 1]
        own = _touched(labels[window] == object_id, barrier[window])
        parts = _parts(own, barrier[window], membrane[window], rules)
        sizes = np.bincount(parts.ravel())[1:]
        if len(sizes) > 1:
            ids = np.full(len(sizes) + 1, object_id, np.uint32)
            others = np.flatnonzero(np.arange(len(sizes)) != sizes.argmax()) + 1
            ids[others] = np.arange(following, following + len(others))
            following += len(others)
            new[window][own] = ids[parts[own]]
    return new, useful


def _touched(own: NDArray[np.bool_], barrier: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Give the pieces of an object that the barrier touches."""
    pieces = connected_components(own, connectivity=1)
    return np.asarray(own & np.isin(pieces, np.unique(pieces[own & barrier])), np.bool_)


def _sides(own: NDArray[np.bool_], barrier: NDArray[np.bool_], rules: CutRules) -> NDArray[np.intp]:
    """Count off what the barrier leaves of an object, crumbs apart, in raster order."""
    sides = np.asarray(connected_components(own & ~barrier, connectivity=1), np.intp)
    large = np.bincount(sides.ravel()) >= rules.smallest_px
    large[0] = False
    return np.asarray(np.where(large, np.cumsum(large), 0)[sides], np.intp)


def _between(strokes: NDArray[np.int32], sides: NDArray[np.intp]) -> set[int]:
    """Give the strokes that have two sides."""
    found = set()
    for number, window in enumerate(find_objects(strokes), start=1):
        if window is not None:
            around = tuple(slice(max(side.start - 1, 0), side.stop + 1) for side in window)
            near = binary_dilation(strokes[around] == number, np.ones((3, 3), np.bool_))
            if len(set(sides[around][near].tolist()) - {0}) > 1:
                found.add(number)
    return found


def _redrawn(
    labels: NDArray[np.uint32],
    strokes: NDArray[np.int32],
    useful: set[int],
    windows: Sequence[tuple[slice, ...]],
    rules: CutRules,
) -> tuple[NDArray[np.int32], set[int]]:
    """Redraw the strokes that cut nothing, each as wide as just cuts the object that it mostly lies on.

    From the centre line on, since a stroke may cover a thin part wholly; up to beyond its ends, since it may stop short
    of the border. Give all strokes, and which of them cut now.
    """
    redrawn = strokes.copy()
    found: set[int] = set()
    for number in range(1, int(strokes.max(initial=0)) + 1):
        mask = strokes == number
        under = np.bincount(labels[mask])
        if number in useful or not under[1:].any():
            continue
        window = windows[int(under[1:].argmax())]
        own = _touched(labels[window] == under[1:].argmax() + 1, mask[window])
        others = (redrawn[window] > 0) & ~mask[window]
        before = max(int(_sides(own, others, rules).max(initial=0)), 1)
        from_centre = distance_transform_edt(~skeletonize(mask[window]))
        widest = int(distance_transform_edt(mask[window]).max()) + rules.short_px
        for reach in range(widest + 1):
            drawn = from_centre <= reach
            if _sides(own, others | drawn, rules).max(initial=0) > before:
                redrawn[window][mask[window]] = 0
                redrawn[window][drawn & ~others] = number
                found.add(number)
                break
    return redrawn, found


def _parts(
    own: NDArray[np.bool_], barrier: NDArray[np.bool_], membrane: NDArray[np.float32], rules: CutRules
) -> NDArray[np.intp]:
    """Share an object out among the sides of the barrier; 0 where nothing can be decided."""
    sides = _sides(own, barrier, rules)
    if sides.max(initial=0) < 2:
        return np.zeros(own.shape, np.intp)
    distance = np.asarray(distance_transform_edt(~barrier))
    depth = np.concatenate([[0], np.asarray(maximum_by_label(distance, sides, np.arange(1, int(sides.max()) + 1)))])
    seeds = np.where(distance > np.minimum(rules.aside_px, depth / 2)[sides], sides, 0)
    return np.asarray(watershed(membrane + rules.raised * barrier, seeds, mask=own), np.intp)
