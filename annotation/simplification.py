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
    low, high = lines.starts[:-1], lines.starts[1:] - 1
    found[low] = found[high] = np.inf
    limit: NDArray[np.float64] = np.full(len(low), np.inf)
    while True:
        inside = high - low > 1
        low, high, limit = low[inside], high[inside], limit[inside]
        if not len(low):
            break
        far, distance = _farthest(lines.points, low, high)
        bent = distance > 1e-9  # a hair above zero, so that rounding does not keep a collinear point
        low, high, far, limit = low[bent], high[bent], far[bent], np.minimum(limit, distance)[bent]
        found[far] = limit
        low, high, limit = np.concatenate([low, far]), np.concatenate([far, high]), np.concatenate([limit, limit])
    return found


def _farthest(
    points: NDArray[np.float64], low: NDArray[np.intp], high: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Find, in every span low < i < high, the point farthest from the chord, and its distance."""
    counts = high - low - 1
    first = np.cumsum(counts) - counts
    index = ranges(low + 1, counts)
    chord = points[high] - points[low]
    unit = chord / np.maximum((chord**2).sum(axis=1), 1e-30)[:, None]
    span = np.repeat(np.arange(len(low)), counts)
    (x, y), (chord_x, chord_y), (unit_x, unit_y) = (points[index] - points[low][span]).T, chord[span].T, unit[span].T
    along = np.clip(x * unit_x + y * unit_y, 0, 1)
    distance = (x - along * chord_x) ** 2 + (y - along * chord_y) ** 2
    farthest = np.maximum.reduceat(distance, first)
    hits = np.flatnonzero(distance == farthest[span])
    return index[hits[np.searchsorted(span[hits], np.arange(len(low)))]], np.sqrt(farthest)
