"""Missing axon: a point grows to an object within the membrane around it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects
from skimage.measure import label as connected_components
from skimage.segmentation import expand_labels, watershed


@dataclass(frozen=True)
class GrowthRules:
    """How a point grows.

    Attributes
    ----------
    threshold : float
        An object ends where the membrane probability reaches this,
    margin : float
        or this much more than at the point itself, if that is higher: the model may take the inside for membrane.
    snap_px : int
        The seed is the least membrane-like pixel of the background this far around the point.
    sure : float
        A point is refused where no pixel of the background in reach is less membrane-like than this: it hit a membrane.
    border_px : int
        The model draws membrane this far into objects; they are grown back by as much.
    faint_px, faint_border_px : int
        What stays smaller than this the model hardly sees: it is grown back by so much.
    smallest_px : int
        What then stays smaller is refused.
    """

    threshold: float = 0.5
    margin: float = 0.1
    snap_px: int = 2
    # On AC4 0.9 refuses 64 % of points on membranes and 8 % of those on objects that the model missed.
    sure: float = 0.9
    border_px: int = 1
    faint_px: int = 60
    faint_border_px: int = 3
    smallest_px: int = 16


def grow(
    labels: NDArray[np.uint32],
    membrane: NDArray[np.float32],
    points: Sequence[tuple[int, int]],
    rules: GrowthRules,
    *,
    barrier: NDArray[np.bool_],
) -> tuple[NDArray[np.uint32], list[str]]:
    """Grow a new object from each point into the background.

    Parameters
    ----------
    labels : (y, x) uint32
    membrane : (y, x) float32
    points : sequence of (y, x)
    rules : GrowthRules
    barrier : (y, x) bool
        Nothing grows into this.

    Returns
    -------
    labels : (y, x) uint32
        Objects that were there keep every pixel. New ids follow the largest, in raster order of the points.
    refusals : list of str
        For each point why nothing grew; empty where it did. Of points in one place the first grows.
    """
    free = (labels == 0) & ~barrier
    first = int(labels.max(initial=0)) + 1
    markers = labels.astype(np.int64)
    room = np.zeros(labels.shape, np.bool_)
    refusals = [""] * len(points)
    for number, at in sorted(enumerate(points), key=lambda point: point[1]):
        seed = _seed(free, membrane, at, rules.snap_px) if free[at] else None
        if seed is None or markers[seed]:
            refusals[number] = "it lies in an object" if labels[at] else "another point or a stroke is there already"
            continue
        if membrane[seed] >= rules.sure:
            refusals[number] = "the model is sure of a membrane there"
            continue
        level = max(rules.threshold, float(membrane[seed]) + rules.margin)
        basins = connected_components(free & (membrane < level), connectivity=1)
        room |= basins == basins[seed]
        markers[seed] = first + number
    grown = _flooded(markers, membrane, room, first, rules, free)
    sizes = np.bincount(grown.ravel(), minlength=first + len(points))
    faint = np.flatnonzero(sizes < rules.faint_px)
    grown = _widened(grown, faint[faint > 0], rules.faint_border_px - rules.border_px, free)
    sizes = np.bincount(grown.ravel(), minlength=first + len(points))[first:]
    for number, size in enumerate(sizes.tolist()):
        if not refusals[number] and size < rules.smallest_px:
            refusals[number] = f"it grows to {size} pixels only"
    return _numbered(labels, grown, points, refusals, first), refusals


def _seed(free: NDArray[np.bool_], membrane: NDArray[np.float32], at: tuple[int, int], snap_px: int) -> tuple[int, int]:
    window = tuple(slice(max(place - snap_px, 0), place + snap_px + 1) for place in at)
    near = np.where(free[window], membrane[window], np.inf)
    y, x = np.unravel_index(near.argmin(), near.shape)
    return int(y) + window[0].start, int(x) + window[1].start


def _flooded(
    markers: NDArray[np.int64],
    membrane: NDArray[np.float32],
    room: NDArray[np.bool_],
    first: int,
    rules: GrowthRules,
    free: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Flood the room from new and old objects; give what the new ones won, and a border around it."""
    grown = np.zeros(markers.shape, np.int64)
    for window in find_objects(room.astype(np.int8)):
        reach = rules.border_px + 1
        around = tuple(slice(max(side.start - reach, 0), side.stop + reach) for side in window)
        held = room[around] | (markers[around] > 0)
        flood = np.asarray(watershed(membrane[around], markers[around], mask=held), np.int64)
        won = np.where((flood >= first) & free[around], flood, 0)
        grown[around] = np.where(free[around], expand_labels(won, rules.border_px), 0)
    return grown


def _widened(
    grown: NDArray[np.int64], numbers: NDArray[np.intp], by_px: int, free: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Grow these objects into what is free around them."""
    wider = grown.copy()
    for window in find_objects(np.isin(grown, numbers).astype(np.int8)):
        around = tuple(slice(max(side.start - by_px, 0), side.stop + by_px) for side in window)
        own = grown[around]
        spread = expand_labels(np.where(np.isin(own, numbers), own, 0), by_px)
        wider[around] = np.where((own == 0) & free[around], spread, own)
    return wider


def _numbered(
    labels: NDArray[np.uint32],
    grown: NDArray[np.int64],
    points: Sequence[tuple[int, int]],
    refusals: list[str],
    first: int,
) -> NDArray[np.uint32]:
    """Give the grown objects their ids, whatever the order of the points."""
    ids = np.zeros(first + len(points), np.uint32)
    accepted = [number for number, _ in sorted(enumerate(points), key=lambda point: point[1]) if not refusals[number]]
    ids[[first + number for number in accepted]] = np.arange(first, first + len(accepted))
    new = ids[grown]
    return np.where(new > 0, new, labels)
