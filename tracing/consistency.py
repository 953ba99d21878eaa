"""Tracking consistency: where the objects of a section do not fit the axons, nor the sections before and after."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import find_boundaries

from tracing.registration_flow import Flow, sampled
from tracing.tracking_objects import carried
from tracing.tracking_overlaps import Overlap, overlap

_NEAR_PX = 3.0
"""Borders of two sections that are this near are the same border."""
_WALL_PX = 2
"""A wall may have moved so far between two sections beyond what registration says."""
_INVERSIONS = 3
"""Rounds after which the inverse of a flow that changes slowly no longer moves."""

USUAL: Mapping[str, float] = {"misfit": 0.236, "unmatched": 0.000129, "lost wall": 0.0161, "lone border": 0.00408}
"""What each kind comes to per pixel, on average over sections 50 to 89 of SNEMI3D AC4 and the first model of a run that
began with 0 to 49 (12 nm a pixel, `benchmarks/consistency.py`): a fault score of 4 is usual there. These
scales know no truth; that it is these four kinds was chosen by the truth of the same sections."""


@dataclass(frozen=True)
class Neighbour:
    """A section beside the one that is judged.

    Attributes
    ----------
    membrane : (y, x) float
        Membrane probability.
    objects : (y, x) int32
        Its objects.
    flow : (2, y, x) float32
        From pixels of the judged section to where they are seen in this one.
    """

    membrane: NDArray[Any]
    objects: NDArray[np.int32]
    flow: Flow


def fault_maps(
    objects: NDArray[np.int32], axons: NDArray[Any], membrane: NDArray[Any], neighbours: Sequence[Neighbour]
) -> dict[str, NDArray[np.floating]]:
    """Find where the objects of a section fit neither the axons nor the sections beside it.

    Axons come of all sections together: objects registered, linked at the least cost, their pieces merged where the
    membrane between them is weak in most sections. What breaks, changes its area or its id in one section alone is
    therefore not as the axons have it there.

    Parameters
    ----------
    objects : ndarray of int32, shape (y, x)
        Objects of the section by itself, 1 and up, as annotators are shown them.
    axons : ndarray of unsigned int, shape (y, x)
        The axons of the volume on this section, 0 for none.
    membrane : ndarray of float, shape (y, x)
        Membrane probability of the section.
    neighbours : sequence of Neighbour
        Those of the sections before and after that there are.

    Returns
    -------
    dict of str to ndarray of float, shape (y, x)
        `misfit`: 1 where the object is not mainly this axon, or the axon not mainly this object: false splits and
        merges. `unmatched`: each axon's profile counts as much as the best overlap (IoU) with an object lacks,
        spread over its pixels. `lost wall`: the membrane probability that all neighbours have here and the section
        does not have within 2 px. `lone border`: 1 where the section has a border farther than 3 px from any of
        theirs.
    """
    found: dict[str, NDArray[np.floating]] = dict(
        zip(("misfit", "unmatched"), _against_axons(objects, axons), strict=True)
    )
    if not neighbours:
        return found
    seen = [carried((one.membrane.astype(np.float32), one.objects), one.flow) for one in neighbours]
    own = np.asarray(membrane, np.float32)
    common = np.min([_widened(wall) for wall, _ in seen], axis=0)
    border = find_boundaries(objects, mode="inner")
    alone = np.min([_distance_px(find_boundaries(theirs, mode="inner")) for _, theirs in seen], axis=0) > _NEAR_PX
    return found | {
        "lost wall": np.maximum(common - _widened(own), 0),
        "lone border": (border & alone).astype(np.float32),
    }


def fault_score(maps: Mapping[str, NDArray[np.floating]]) -> NDArray[np.float64]:
    """Sum the faults by kind, each in units of what it usually comes to; the mean over a place is its score."""
    return np.asarray(sum(maps[kind] / USUAL[kind] for kind in maps), np.float64)


def same_objects(first: NDArray[np.int32], second: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Say of every pixel (y, x) whether two segmentations of a section have it in objects that are mainly each other's.

    Pixels that are 0 in one of them count as the same: there is nothing to compare.
    """
    pairs = overlap(first, second, (int(first.max()), int(second.max())))
    return np.asarray(_together(first, second, pairs) | (first == 0) | (second == 0), np.bool_)


def inverted(flow: Flow) -> Flow:
    """Turn a flow (2, y, x) round: from where it leads back to where it came from, by fixed-point iteration."""
    back = -flow
    for _ in range(_INVERSIONS):
        back = np.stack([-sampled(part, back, outside="nearest") for part in flow])
    return back


def _against_axons(objects: NDArray[np.int32], axons: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    ids, profiles = np.unique(axons, return_inverse=True)
    profiles = profiles.reshape(axons.shape).astype(np.int32) + (ids[0] != 0)
    pairs = overlap(objects, profiles, (int(objects.max()), int(profiles.max())))
    best = np.zeros(len(pairs.second_px))
    np.maximum.at(best, pairs.second, pairs.iou())
    lacking = (1 - best) / np.maximum(pairs.second_px, 1)
    misfit = ~_together(objects, profiles, pairs) & (profiles > 0)
    return misfit.astype(np.float32), np.where(profiles > 0, lacking[profiles], 0)


def _together(first: NDArray[np.int32], second: NDArray[np.int32], pairs: Overlap) -> NDArray[np.bool_]:
    main_second, main_first = np.zeros(len(pairs.first_px), np.int64), np.zeros(len(pairs.second_px), np.int64)
    order = np.argsort(pairs.shared_px, kind="stable")  # of several values for one entry the last, the largest, stays
    main_second[pairs.first[order]] = pairs.second[order]
    main_first[pairs.second[order]] = pairs.first[order]
    return np.asarray((main_second[first] == second) & (main_first[second] == first), np.bool_)


def _widened(membrane: NDArray[np.float32]) -> NDArray[np.float32]:
    size = 2 * _WALL_PX + 1
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    return np.asarray(cv2.dilate(membrane, disk), np.float32)


def _distance_px(border: NDArray[np.bool_]) -> NDArray[np.float32]:
    return np.asarray(cv2.distanceTransform((~border).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)
