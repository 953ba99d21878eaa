"""Instance labels as contours that a person can edit, one for every 4-connected piece of an object.

Arcs shared by two neighbours are simplified once, so contours leave no gap and no overlap. How coarse an arc may be is
found by trying: every contour is rasterised again, and arcs of contours that lost too much are refined, down to the
tolerance at which they are pixel-exact. Label Studio's polygons have no holes, so a hole is cut open to the outside by
a bridge of no width (a keyhole); the order in which polygons are painted then does not matter.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion

from annotation.boundaries import Boundaries, trace
from annotation.rasterising import rasterise
from annotation.simplification import simplify

# A contour nearer than this to the traced boundary covers the same pixel centres (see annotation.boundaries).
EXACT_PX = 0.35
_COARSENING_ROUNDS = 6


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


@dataclass(frozen=True)
class ContourDetail:
    """How closely contours follow the labels.

    Attributes
    ----------
    tolerance_px : float
        How far a contour may lie from the boundary at first; fewer vertices are quicker to edit.
    iou : float
        No contour covers its piece worse than this, intersection over union in pixels.
    vertices : int
        Contours with more vertices than this are made coarser as long as `iou` allows it.
    """

    tolerance_px: float = 0.8
    iou: float = 0.98
    vertices: int = 120


DETAIL = ContourDetail()


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
        In raster order of the pieces' first pixels.
    """
    boundaries = trace(labels)
    polygons = _fitted(boundaries, detail)
    pieces: dict[int, int] = {}
    contours = []
    for region, points in enumerate(polygons, start=1):
        object_id = int(boundaries.objects[region])
        piece = pieces.get(object_id, 0)
        pieces[object_id] = piece + 1
        contours.append(Contour(object_id, piece, points))
    return contours


def _fitted(boundaries: Boundaries, detail: ContourDetail) -> list[NDArray[np.float64]]:
    """Simplify all arcs, then coarsen or refine those of the contours that ask for it.

    Ends because coarsening stops after some rounds and refining ends at tolerance 0, which loses nothing.
    """
    lines = [arc.points for arc in boundaries.arcs]
    sides = np.array([(arc.regions[0], arc.regions[-1]) for arc in boundaries.arcs], np.intp).reshape(-1, 2) - 1
    tolerances: NDArray[np.float64] = np.full(len(lines), detail.tolerance_px)
    kept = simplify(lines, tolerances)
    polygons = _assembled(boundaries, kept)
    for attempt in count():
        iou, gaps = _fidelity(boundaries.regions, polygons)
        large = np.array([len(points) > detail.vertices for points in polygons], np.bool_)
        finer = ((iou < detail.iou) | gaps)[sides].any(axis=1) & (tolerances > 0)
        coarser = (
            (large & (iou > detail.iou + (1 - detail.iou) / 4))[sides].any(axis=1)
            & ~finer
            & (attempt < _COARSENING_ROUNDS)
        )
        changed = np.flatnonzero(finer | coarser)
        if not len(changed):
            break
        tolerances[coarser] *= 1.25
        tolerances[finer] = np.where(tolerances > EXACT_PX, np.maximum(tolerances * 0.8, EXACT_PX), 0)[finer]
        for index, vertices in zip(changed, simplify([lines[i] for i in changed], tolerances[changed]), strict=True):
            kept[index] = vertices
        polygons = _assembled(boundaries, kept)
    return polygons


def _assembled(boundaries: Boundaries, kept: list[NDArray[np.intp]]) -> list[NDArray[np.float64]]:
    """Join simplified arcs to rings, and the rings of each region to one polygon."""
    arcs = [arc.points[vertices] for arc, vertices in zip(boundaries.arcs, kept, strict=True)]
    outer: list[NDArray[np.float64]] = [np.zeros((0, 2))] * (len(boundaries.objects) - 1)
    holes: list[tuple[int, NDArray[np.float64]]] = []
    for ring in boundaries.rings:
        points = np.concatenate([arcs[n][:-1] if n >= 0 else arcs[~n][:0:-1] for n in ring.arcs])
        if ring.is_outer:
            outer[ring.region - 1] = points
        else:
            holes.append((ring.region, points))
    for region, hole in holes:
        outer[region - 1] = _with_keyhole(outer[region - 1], hole)
    return outer


def _with_keyhole(ring: NDArray[np.float64], hole: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cut a hole open to the ring along the shortest way between two vertices."""
    distance = ((ring[:, None] - hole[None]) ** 2).sum(axis=2)
    at, entry = np.unravel_index(np.argmin(distance), distance.shape)
    around = np.roll(hole, -int(entry), axis=0)
    return np.concatenate([ring[: at + 1], around, around[:1], ring[at:]])


def _fidelity(
    regions: NDArray[np.int32], polygons: Sequence[NDArray[np.float64]]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Compare polygons with their regions: intersection over union in pixels, and whether a gap opened.

    A gap is a pixel that no polygon covers although it and its eight neighbours all belong to regions.
    """
    flat = regions.ravel()
    index, polygon = rasterise(polygons, (regions.shape[0], regions.shape[1])).pixels()
    area = np.bincount(flat, minlength=len(polygons) + 1)[1:]
    covered = np.bincount(polygon, minlength=len(polygons))
    common = np.bincount(polygon[flat[index] == polygon + 1], minlength=len(polygons))
    bare = binary_erosion(regions > 0, np.ones((3, 3), np.bool_)).ravel()
    bare[index] = False
    gaps = np.zeros(len(polygons), np.bool_)
    gaps[flat[bare] - 1] = True
    return np.asarray(common / np.maximum(area + covered - common, 1)), gaps
