"""Simplified arcs joined to the closed lines around regions."""

import numpy as np
from numpy.typing import NDArray

from annotation.boundaries import Boundaries
from annotation.lines import Lines, ranges


def rings_of(boundaries: Boundaries, kept: NDArray[np.bool_], rings: NDArray[np.intp]) -> Lines:
    """Join simplified arcs to closed lines; the last point of each joins its first.

    Parameters
    ----------
    boundaries : Boundaries
    kept : (points of all arcs,) bool
        The points that simplified arcs consist of.
    rings : (n,) intp
        Which rings.

    Returns
    -------
    Lines
    """
    arcs_in_ring = np.diff(boundaries.ring_starts)[rings]
    use = boundaries.uses[ranges(boundaries.ring_starts[rings], arcs_in_ring)]
    arc, forward = np.where(use < 0, ~use, use), use >= 0
    points = np.flatnonzero(kept)
    first = np.searchsorted(points, boundaries.arcs.starts)
    counts = np.diff(first)[arc] - 1  # the last point of an arc is the first of the next
    begin = np.where(forward, first[arc], first[arc + 1] - 1)
    along = ranges(np.zeros_like(counts), counts)
    place = np.repeat(begin, counts) + np.repeat(np.where(forward, 1, -1), counts) * along
    ends = np.concatenate([[0], np.cumsum(counts)])[np.concatenate([[0], np.cumsum(arcs_in_ring)])]
    return Lines(boundaries.arcs.points[points[place]], ends)


def vertices_of(boundaries: Boundaries, kept: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Count the vertices of every region's contour, bridges to its holes included; entry 0 is background."""
    in_front = np.concatenate([[0], np.cumsum(kept)])
    in_arc = np.diff(in_front[boundaries.arcs.starts]) - 1
    arc = np.where(boundaries.uses < 0, ~boundaries.uses, boundaries.uses)
    region = np.repeat(boundaries.ring_region, np.diff(boundaries.ring_starts))
    holes = np.bincount(boundaries.ring_region[~boundaries.ring_is_outer], minlength=int(region.max(initial=0)) + 1)
    return np.asarray(np.bincount(region, in_arc[arc], minlength=len(holes)) + 2 * holes, np.intp)
