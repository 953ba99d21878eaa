"""False membrane: a stroke joins the objects that it runs over."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, find_objects
from skimage.measure import label as connected_components
from skimage.morphology import skeletonize

_TOUCHED_PX = 4  # fewer pixels under a stroke are a graze
_CENTRE_PX = 2  # nor are fewer pixels of its centre line meant


def join(labels: NDArray[np.uint32], strokes: NDArray[np.int32]) -> tuple[NDArray[np.uint32], set[int]]:
    """Join objects under strokes, and the background between them under the same stroke.

    Parameters
    ----------
    labels : (y, x) uint32
    strokes : (y, x) int32
        0 or the number of a stroke.

    Returns
    -------
    labels : (y, x) uint32
        Joined objects bear the id of the largest. Background at the outer ends of a stroke stays background.
    useful : set of int
        The strokes that join two objects or more, or close a gap within one.
    """
    groups = np.arange(int(labels.max(initial=0)) + 1, dtype=np.int64)  # the smallest object of each one's group
    bridges = np.zeros_like(labels)
    useful: set[int] = set()
    for number, window in enumerate(find_objects(strokes), start=1):
        around = tuple(slice(max(side.start - 1, 0), side.stop + 1) for side in window)
        stroke, own = strokes[around] == number, labels[around]
        touched = _touched(stroke, own)
        if not len(touched):
            continue
        meant = np.isin(own, touched)
        bridge = _bridge(stroke & (meant | (own == 0)), np.where(meant, own, 0))
        if len(touched) > 1 or bridge.any():
            useful.add(number)
            bridges[around][bridge] = touched[0]
            members = np.isin(groups, groups[touched])
            groups[members] = groups[members].min()
    sizes = np.bincount(labels.ravel(), minlength=len(groups))
    largest = np.arange(len(groups))
    for group in np.unique(groups):
        joined = np.flatnonzero(groups == group)
        largest[joined] = joined[sizes[joined].argmax()]
    largest[0] = 0
    return largest[np.where(bridges > 0, bridges, labels)].astype(np.uint32), useful


def _touched(stroke: NDArray[np.bool_], own: NDArray[np.uint32]) -> NDArray[np.intp]:
    """Give the objects on the centre line of a stroke, or, where these are not two, under its whole width."""
    for part, least_px in ((skeletonize(stroke), _CENTRE_PX), (stroke, _TOUCHED_PX)):
        touched = np.flatnonzero(np.bincount(own[part], minlength=1) >= least_px)
        touched = touched[touched > 0]
        if len(touched) > 1:
            break
    return touched


def _bridge(stroke: NDArray[np.bool_], own: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Give the background under a stroke that lies between two pieces of the touched objects."""
    gaps = np.asarray(connected_components(stroke & (own == 0), connectivity=1), np.intp)
    pieces = connected_components(own, connectivity=1, background=0)
    between = [
        gap
        for gap in range(1, int(gaps.max(initial=0)) + 1)
        if len(set(pieces[binary_dilation(gaps == gap) & stroke].tolist()) - {0}) > 1
    ]
    return np.isin(gaps, between)
