"""Douglas-Peucker simplification of many lines at once."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray


def simplify(lines: list[NDArray[np.float64]], tolerances_px: NDArray[np.float64]) -> list[NDArray[np.intp]]:
    """Choose the vertices of every line that keep it within its tolerance.

    All lines are split level by level in whole-array steps (Douglas and Peucker 1973; the distance is to the chord
    as a segment, so that closed lines split at their farthest point first).

    Parameters
    ----------
    lines : list of (n, 2) float64
        Points x, y in pixels, n >= 2.
    tolerances_px : (lines,) float64
        How far a dropped point may lie from the simplified line; 0 drops collinear points only.

    Returns
    -------
    list of (kept,) intp
        Indices into each line, always with its first and last.
    """
    if not lines:
        return []
    points = np.concatenate(lines)
    offsets = np.concatenate([[0], np.cumsum([len(line) for line in lines])])
    keep = np.zeros(len(points), np.bool_)
    low, high = offsets[:-1], offsets[1:] - 1
    keep[low] = keep[high] = True
    # A hair above zero, so that rounding does not keep a collinear point.
    limit = np.maximum(tolerances_px, 1e-9) ** 2
    while len(low):
        inside = high - low > 1
        low, high, limit = low[inside], high[inside], limit[inside]
        if not len(low):
            break
        far, distance = _farthest(points, low, high)
        split = distance > limit
        low, high, far, limit = low[split], high[split], far[split], limit[split]
        keep[far] = True
        low, high, limit = np.concatenate([low, far]), np.concatenate([far, high]), np.concatenate([limit, limit])
    return [np.flatnonzero(keep[start:end]) for start, end in pairwise(offsets)]


def _farthest(
    points: NDArray[np.float64], low: NDArray[np.intp], high: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Find, in every span low < i < high, the point farthest from the chord, and its squared distance."""
    counts = high - low - 1
    first = np.cumsum(counts) - counts
    index = np.arange(counts.sum()) + np.repeat(low + 1 - first, counts)
    chord = points[high] - points[low]
    length = (chord**2).sum(1)
    chord_of = np.repeat(chord, counts, axis=0)
    from_low = points[index] - np.repeat(points[low], counts, axis=0)
    along = (from_low * chord_of).sum(1) / np.repeat(np.maximum(length, 1e-30), counts)
    away = from_low - np.clip(along, 0, 1)[:, None] * chord_of
    distance = (away**2).sum(1)
    farthest = np.maximum.reduceat(distance, first)
    hits = np.flatnonzero(distance == np.repeat(farthest, counts))
    span = np.repeat(np.arange(len(low)), counts)[hits]
    return index[hits[np.searchsorted(span, np.arange(len(low)))]], farthest
