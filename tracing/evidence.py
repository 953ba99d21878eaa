"""Signs that an object of a section is a piece of one, or more than one, beside the faults of its tracking."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import find_boundaries

from tracing.consistency import Neighbour, same_objects
from tracing.tracking_objects import carried

_LEAST_BORDER_PX = 6
"""Shorter borders have too few pixels to be called weak."""
_AWAY_PX = 4
"""Borders nearer than this are the same border."""
_LEAST_AREA_PX = 20
"""Added to areas, so that specks do not jump."""

Maps = dict[str, NDArray[np.floating]]


def evidence_maps(
    objects: NDArray[np.int32],
    membrane: NDArray[Any],
    axons: NDArray[Any],
    *,
    neighbours: Sequence[Neighbour],
    axons_nearby: Sequence[NDArray[Any]],
) -> Maps:
    """Find signs of false splits and mergers in a section.

    Parameters
    ----------
    objects : ndarray of int32, shape (y, x)
        Objects of the section by itself, 1 and up.
    membrane : ndarray of float, shape (y, x)
        Membrane probability.
    axons : ndarray of unsigned int, shape (y, x)
        The axons of the volume on this section, 0 for none.
    neighbours : sequence of Neighbour
        The sections before and after that there are.
    axons_nearby : sequence of ndarray of unsigned int, shape (y, x)
        Axons of the two sections before and the two after, where there are.

    Returns
    -------
    dict of str to ndarray of float, shape (y, x)
        `contradicted`: 1 where every neighbour has other objects here. `contradicted once`: 1 where one of them has.
        `weak border`: by how much the weakest border that an object shares with a larger one lacks of a wall, on the
        whole object. `jump`: by how much the axon's area differs from its middle one nearby, natural logarithm.
        `axon border`: 1 on borders of axons farther than 4 px from any of an object.
    """
    found: Maps = {
        "weak border": _weak_borders(objects, np.asarray(membrane, np.float32)),
        "axon border": _axon_borders(objects, axons),
    }
    if neighbours:
        theirs = [carried((one.objects,), one.flow)[0] for one in neighbours]
        other = np.array([~same_objects(objects, one) for one in theirs], np.float32)
        found |= {"contradicted": other.min(axis=0), "contradicted once": other.max(axis=0)}
    if axons_nearby:
        found["jump"] = _jumps(axons, axons_nearby)
    return found


def _weak_borders(objects: NDArray[np.int32], membrane: NDArray[np.float32]) -> NDArray[np.float64]:
    """Give each pixel how weak the weakest border of its object with a larger one is, 0 to 1."""
    beside = [(np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1, :], np.s_[1:, :])]
    first, second = (np.concatenate([objects[sides[n]].ravel() for sides in beside]) for n in (0, 1))
    wall = np.concatenate([np.maximum(membrane[one], membrane[other]).ravel() for one, other in beside])
    border = (first != second) & (first > 0) & (second > 0)
    count = int(objects.max()) + 1
    low, high = np.minimum(first, second)[border].astype(np.int64), np.maximum(first, second)[border].astype(np.int64)
    pairs, number, length = np.unique(low * count + high, return_inverse=True, return_counts=True)
    weak = 1 - np.bincount(number, wall[border], minlength=len(pairs)) / np.maximum(length, 1)
    area = np.bincount(objects.ravel(), minlength=count)
    smaller = np.where(area[pairs // count] < area[pairs % count], pairs // count, pairs % count)
    long = length >= _LEAST_BORDER_PX
    weakest = np.zeros(count)
    np.maximum.at(weakest, smaller[long], weak[long])
    return np.asarray(weakest[objects], np.float64)


def _axon_borders(objects: NDArray[np.int32], axons: NDArray[Any]) -> NDArray[np.float32]:
    no_border = (~find_boundaries(objects, mode="inner")).astype(np.uint8)
    away = cv2.distanceTransform(no_border, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) > _AWAY_PX
    ids, numbers = np.unique(axons, return_inverse=True)
    border = find_boundaries(numbers.reshape(axons.shape) + (ids[0] != 0), mode="inner")  # 0 alone is no axon
    return np.asarray(border & away, np.float32)


def _jumps(axons: NDArray[Any], nearby: Sequence[NDArray[Any]]) -> NDArray[np.float64]:
    ids, number, area = np.unique(axons, return_inverse=True, return_counts=True)
    usual = np.median([_areas(one, ids) for one in nearby], axis=0)
    jump = np.abs(np.log((area + _LEAST_AREA_PX) / (usual + _LEAST_AREA_PX)))
    jump[ids == 0] = 0
    return np.asarray(jump[number].reshape(axons.shape), np.float64)


def _areas(axons: NDArray[Any], ids: NDArray[Any]) -> NDArray[np.int64]:
    """Count the pixels of each of some axons."""
    there, area = np.unique(axons, return_counts=True)
    place = np.minimum(np.searchsorted(there, ids), len(there) - 1)
    return np.where(there[place] == ids, area[place], 0)
