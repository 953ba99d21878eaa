"""Instance labels as contours that a person can edit, one for every 4-connected piece of an object.

Arcs shared by two neighbours are simplified once, so contours leave no gap and no overlap. How coarse an arc may be is
found by trying (`annotation.fitting`). Label Studio's polygons have no holes, so a hole is cut open to the outside by
a bridge of no width (a keyhole); the order in which polygons are painted then does not matter.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from annotation.boundaries import Boundaries, pieces_of, trace
from annotation.fitting import ContourDetail, fitted
from annotation.rings import rings_of
from annotation.specks import without_specks

DETAIL = ContourDetail()
EXACT = ContourDetail(tolerance_px=0, specks_px=0)


@dataclass(frozen=True)
class Contour:
    """The outline of one piece of an object.

    Attributes
    ----------
    object_id : int
        The object's value in the labels.
    piece : int
        0 for its first piece in raster order, 1 for the next.
    points : (n, 2) float64
        Vertices x, y in pixels; the last joins the first; holes are joined by bridges of no width.
    """

    object_id: int
    piece: int
    points: NDArray[np.float64] = field(compare=False)


def contours_of(labels: NDArray[np.unsignedinteger], detail: ContourDetail = DETAIL) -> list[Contour]:
    """Outline every piece of every object.

    Parameters
    ----------
    labels : (y, x) unsigned integer
        0 is background.
    detail : ContourDetail

    Returns
    -------
    list of Contour
        In the order of `pieces_of(labels)`.
    """
    pieces = pieces_of(labels)
    objects = np.zeros(int(pieces.max(initial=0)) + 1, np.uint32)
    objects[pieces] = labels
    boundaries = trace(without_specks(pieces, detail.specks_px, share=detail.specks_share))
    polygons = _polygons(*fitted(boundaries, pieces, detail))
    found: dict[int, int] = {}
    contours = []
    for object_id, points in zip(objects[1:].tolist(), polygons, strict=True):
        piece = found.get(object_id, 0)
        found[object_id] = piece + 1
        contours.append(Contour(object_id, piece, points))
    return contours


def _polygons(boundaries: Boundaries, kept: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
    """Join the rings of each region to one polygon."""
    every = np.arange(len(boundaries.ring_region))
    rings = rings_of(boundaries, kept, every).split()
    polygons: list[NDArray[np.float64]] = [np.zeros((0, 2))] * int(boundaries.ring_region.max(initial=0))
    for ring in np.flatnonzero(boundaries.ring_is_outer).tolist():
        polygons[boundaries.ring_region[ring] - 1] = rings[ring]
    for ring in np.flatnonzero(~boundaries.ring_is_outer).tolist():
        region = boundaries.ring_region[ring] - 1
        polygons[region] = _with_keyhole(polygons[region], rings[ring])
    return polygons


def _with_keyhole(ring: NDArray[np.float64], hole: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cut a hole open to the ring along the shortest way between two vertices."""
    distance = ((ring[:, None] - hole[None]) ** 2).sum(axis=2)
    at, entry = np.unravel_index(np.argmin(distance), distance.shape)
    around = np.roll(hole, -int(entry), axis=0)
    return np.concatenate([ring[: at + 1], around, around[:1], ring[at:]])
