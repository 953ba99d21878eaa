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
    owner, upper, lower, turn = _edges(rings, polygon_of)
    first = np.clip(np.ceil(upper[:, 1] - 0.5), 0, height).astype(np.intp)
    last = np.clip(np.ceil(lower[:, 1] - 0.5), 0, height).astype(np.intp)
    counts = last - first
    row = ranges(first, counts)
    slope = (lower[:, 0] - upper[:, 0]) / np.where(counts > 0, lower[:, 1] - upper[:, 1], 1)
    of_edge = (upper[:, 0], upper[:, 1], slope, owner * height, turn)
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


def _edges(
    rings: Lines, polygon_of: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
    """Give for every edge its polygon, its upper and lower end, and +1 or -1 for walking down or up."""
    start, lengths = rings.points, np.diff(rings.starts)
    following = np.arange(1, len(start) + 1)
    has_points = lengths > 0
    following[rings.starts[1:][has_points] - 1] = rings.starts[:-1][has_points]
    end = start[following]
    down = (start[:, 1] < end[:, 1])[:, None]
    turn = np.where(down[:, 0], 1, -1)
    return np.repeat(polygon_of, lengths), np.where(down, start, end), np.where(down, end, start), turn
