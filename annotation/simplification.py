"""Douglas-Peucker simplification of many lines at once, for all tolerances at once."""

import numpy as np
from numpy.typing import NDArray

from annotation.lines import Lines, ranges


def importance(lines: Lines) -> NDArray[np.float64]:
    """Tell for every point up to which tolerance a simplified line keeps it.

    All lines are split level by level in whole-array steps (Douglas and Peucker 1973; the distance is to the chord
    as a segment, so that closed lines split at their farthest point first). Splitting to the end, once, serves every
    tolerance: a point is kept while its own distance and those of all splits above it exceed the tolerance.

    Parameters
    ----------
    lines : Lines
        Each of two points or more.

    Returns
    -------
    (points,) float64
        Pixels; a line simplified by a tolerance consists of the points whose importance is larger. Its ends have
        infinite importance, collinear points none.
    """
    found = np.zeros(len(lines.points))
    x, y = np.ascontiguousarray(lines.points.T)
    low, high = lines.starts[:-1], lines.starts[1:] - 1
    found[low] = found[high] = np.inf
    limit: NDArray[np.float64] = np.full(len(low), np.inf)
    while True:
        inside = high - low > 1
        low, high, limit = low[inside], high[inside], limit[inside]
        if not len(low):
            break
        far, distance = _farthest(x, y, low, high)
        bent = distance > 1e-9  # a hair above zero, so that rounding does not keep a collinear point
        low, high, far, limit = low[bent], high[bent], far[bent], np.minimum(limit, distance)[bent]
        found[far] = limit
        low, high, limit = np.concatenate([low, far]), np.concatenate([far, high]), np.concatenate([limit, limit])
    return found


def _farthest(
    x: NDArray[np.float64], y: NDArray[np.float64], low: NDArray[np.intp], high: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Find, in every span low < i < high, the point farthest from the chord, and its distance."""
    counts = high - low - 1
    index = ranges(low + 1, counts)
    chord_x, chord_y = x[high] - x[low], y[high] - y[low]
    squared = np.maximum(chord_x**2 + chord_y**2, 1e-30)
    of_span = (x[low], y[low], chord_x, chord_y, chord_x / squared, chord_y / squared)
    low_x, low_y, chord_x, chord_y, unit_x, unit_y = (np.repeat(one, counts) for one in of_span)
    away_x, away_y = x[index] - low_x, y[index] - low_y
    along = np.clip(away_x * unit_x + away_y * unit_y, 0, 1)
    distance = (away_x - along * chord_x) ** 2 + (away_y - along * chord_y) ** 2
    farthest = np.maximum.reduceat(distance, np.cumsum(counts) - counts)
    hits = np.flatnonzero(distance == np.repeat(farthest, counts))
    span = np.repeat(np.arange(len(low)), counts)[hits]
    return index[hits[np.searchsorted(span, np.arange(len(low)))]], np.sqrt(farthest)
