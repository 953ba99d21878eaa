"""Drift and jumps of a stack: what the displacements of consecutive sections add up to, and which stand out."""

from collections.abc import Sequence

import numpy as np

_OUTLIER = 5.0
_DEVIATION_OF_MEDIAN = 1.4826
_LEAST_PX = 3.0


def jumps(shifts_px: Sequence[tuple[float, float]]) -> list[int]:
    """Give the places in a list of displacements (y, x) that stand out from the others.

    They lie farther from the median displacement than 5 robust standard deviations (by the median absolute deviation)
    and 3 px.
    """
    if not shifts_px:
        return []
    away = np.array(shifts_px) - np.median(shifts_px, axis=0)
    distance = np.hypot(away[:, 0], away[:, 1])
    usual = _DEVIATION_OF_MEDIAN * float(np.median(distance))
    return [int(place) for place in np.flatnonzero(distance > _OUTLIER * usual + _LEAST_PX)]


def drift_px(shifts_px: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Add displacements (y, x) up: how far the last section lies from the first."""
    y, x = np.sum(np.reshape(shifts_px, (-1, 2)), axis=0)
    return float(y), float(x)
