"""Fewer vertices for outlines that have too many."""

import numpy as np
from numpy.typing import NDArray

from annotation.boundaries import Boundaries
from annotation.rings import vertices_of

_FEWEST = 5  # points of a closed arc, its first one counted twice


def thinned_of(
    boundaries: Boundaries,
    kept: NDArray[np.bool_],
    spare_px: NDArray[np.float64],
    most: int,
    fixed: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Drop the vertices that change the least, one after the other (Visvalingam and Whyatt 1993).

    Parameters
    ----------
    boundaries : Boundaries
    kept : (points of all arcs,) bool
        The points that simplified arcs consist of.
    spare_px : (regions + 1,) float64
        How many pixels each region can spare; infinite for background.
    most : int
        Vertices that a contour may have.

    Returns
    -------
    (points of all arcs,) bool
        Junctions stay, and whatever no region beside it can spare: a contour may keep more than `most`.
    """
    kept, spare_px = kept.copy(), spare_px.copy()
    excess = vertices_of(boundaries, kept) - most
    for region in np.flatnonzero(excess > 0)[np.argsort(excess[excess > 0])[::-1]].tolist():
        arcs = np.flatnonzero((boundaries.sides == region).any(axis=1) & ~fixed)
        for _ in range(int(vertices_of(boundaries, kept)[region]) - most):
            point, arc, area = _cheapest(boundaries, kept, arcs, spare_px)
            if point < 0:
                break
            kept[point] = False
            spare_px[boundaries.sides[arc]] -= area
    return kept


def _cheapest(
    boundaries: Boundaries, kept: NDArray[np.bool_], arcs: NDArray[np.intp], spare_px: NDArray[np.float64]
) -> tuple[int, int, float]:
    """Find the vertex whose triangle takes the least of what the regions beside it can spare; -1 where none can."""
    starts = boundaries.arcs.starts
    points = [starts[arc] + np.flatnonzero(kept[starts[arc] : starts[arc + 1]]) for arc in arcs]
    best = (np.inf, -1, -1, 0.0)
    for arc, index in zip(arcs.tolist(), points, strict=True):
        line = boundaries.arcs.points[index]
        is_closed = bool((line[0] == line[-1]).all())
        if len(line) < (_FEWEST + 1 if is_closed else 3):
            continue
        before, after = line[1:-1] - line[:-2], line[2:] - line[1:-1]
        areas = np.abs(before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]) / 2
        number = int(areas.argmin())
        spare = float(spare_px[boundaries.sides[arc]].min())
        if areas[number] < spare and areas[number] / spare < best[0]:
            best = (areas[number] / spare, int(index[1 + number]), arc, float(areas[number]))
    return best[1:]
