"""Polygons to pixels: a pixel belongs to a polygon when its centre has a non-zero winding number.

The non-zero rule is what the browser fills, so an annotator gets what was seen, self-crossing lines included. Edges are
evaluated from their upper end whichever way they are walked, so two polygons that share an edge never both claim a
pixel, nor both leave it.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from annotation.lines import Lines, ranges
from annotation.spans import Spans

Ends = tuple[NDArray[np.float64], NDArray[np.float64]]
"""One coordinate of the upper and of the lower end of edges."""


def rasterise(rings: Lines, polygon_of: NDArray[np.intp], shape: tuple[int, int]) -> Spans:
    """Find the pixels inside each polygon.

    Parameters
    ----------
    rings : Lines
        Closed lines, finite; the last point joins the first. What lies outside the image is cut off.
    polygon_of : (rings,) intp
        The polygon of each ring; the winding numbers of its rings add up, so one walked the other way is a hole.
    shape : (height, width)

    Returns
    -------
    Spans
    """
    polygon, start, stop, _ = _runs(rings, polygon_of, shape)
    return Spans(polygon, start, stop)


def swept(rings: Lines, shape: tuple[int, int]) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Find the pixels inside each ring, and how often it winds around them.

    Parameters
    ----------
    rings : Lines
        As for `rasterise`, each a polygon of its own.
    shape : (height, width)

    Returns
    -------
    index, ring, winding : (pixels,) intp
        The flat index, its ring, and its winding number, negative where the ring has it on its right-hand side.
    """
    ring, start, stop, winding = _runs(rings, np.arange(len(rings.starts) - 1), shape)
    counts = stop - start
    return ranges(start, counts), np.repeat(ring, counts), np.repeat(winding, counts)


def _runs(
    rings: Lines, polygon_of: NDArray[np.intp], shape: tuple[int, int]
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Give polygon, start, stop and winding number of all runs of pixels inside, ordered by polygon."""
    height, width = shape
    owner, (upper_x, lower_x), (upper_y, lower_y), turn = _edges(rings, polygon_of)
    first = np.clip(np.ceil(upper_y - 0.5), 0, height).astype(np.intp)
    last = np.clip(np.ceil(lower_y - 0.5), 0, height).astype(np.intp)
    counts = last - first
    row = ranges(first, counts)
    slope = (lower_x - upper_x) / np.where(counts > 0, lower_y - upper_y, 1)
    of_edge = (upper_x, upper_y, slope, owner * height, turn)
    upper_x, upper_y, slope, line, turn = (np.repeat(one, counts) for one in of_edge)
    crossing = upper_x + (row + 0.5 - upper_y) * slope
    column = np.clip(np.ceil(crossing - 0.5), 0, width).astype(np.intp)
    line += row
    # stable sorting is several times as fast here, since it finds the runs that every edge brings in order
    order = np.argsort(line * (width + 1) + column, kind="stable")
    line, column, winding = line[order], column[order], np.cumsum(turn[order])
    # Closed polygons leave every line with winding 0, so one running sum serves all lines.
    inside = np.flatnonzero((winding[:-1] != 0) & (column[1:] > column[:-1]))
    polygon, y = np.divmod(line[inside], height)
    return polygon, y * width + column[inside], y * width + column[inside + 1], winding[inside]


def paint(
    polygons: Sequence[NDArray[np.float64]], ids: NDArray[np.uint32], shape: tuple[int, int]
) -> NDArray[np.uint32]:
    """Paint polygons in their order onto background 0, later ones over earlier ones; give labels (y, x)."""
    labels = np.zeros(shape[0] * shape[1], np.uint32)
    index, polygon = rasterise(Lines.of(polygons), np.arange(len(polygons)), shape).pixels()
    labels[index] = ids[polygon]
    return labels.reshape(shape)


def _edges(rings: Lines, polygon_of: NDArray[np.intp]) -> tuple[NDArray[np.intp], Ends, Ends, NDArray[np.intp]]:
    """Give for every edge its polygon, x of its upper and lower end, y of them, and +1 or -1 for walking down or up."""
    lengths = np.diff(rings.starts)
    following = np.arange(1, len(rings.points) + 1)
    has_points = lengths > 0
    following[rings.starts[1:][has_points] - 1] = rings.starts[:-1][has_points]
    x, y = np.ascontiguousarray(rings.points.T)
    next_x, next_y = x[following], y[following]
    down = y < next_y
    ends_x = np.where(down, x, next_x), np.where(down, next_x, x)
    ends_y = np.where(down, y, next_y), np.where(down, next_y, y)
    return np.repeat(polygon_of, lengths), ends_x, ends_y, np.where(down, 1, -1)
