"""How likely an annotator is to change a place: faults of tracking, and entropy beyond what sure walls have."""

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

WINDOW_PX = 32
"""Edge of the square around a pixel in which something changes, or nothing does."""
THRESHOLDS = (0.35, 0.65)
"""Membrane probabilities from which on a wall counts, beside the one that objects are made with."""
WEIGHTS: Mapping[str, float] = {
    "misfit": 1.85,
    "unmatched": 62.7,
    "lost wall": 5.53,
    "lone border": 5.31,
    "unstable": 1.51,
    "entropy": 4.42,
    "membrane": -3.35,
}
INTERCEPT = -2.85
"""Fitted to tiles of sections 50 to 89 of SNEMI3D AC4 at 12 nm a pixel, as the first model of a run that began with 0
to 49 predicted them: 1 where a mark of the oracle touches the tile or 40 px of it change their object."""


def change_probability(maps: Mapping[str, NDArray[np.floating]]) -> NDArray[np.float64]:
    """Give the probability that something within `WINDOW_PX` of a pixel is changed: a mean over tiles is their share.

    A logistic model of the square roots of means over the window: a place with twice as much of a fault is not changed
    twice. docs/decisions/0018 says how the weights did elsewhere.

    Parameters
    ----------
    maps : mapping of str to ndarray of float, shape (y, x)
        The kinds of `tracing.consistency.fault_maps`; `unstable`, where the section's objects are others for a lower
        or a higher threshold, 0 to 1; `entropy` in bits; `membrane`, the probability. One that is missing counts as 0.
    """
    roots = (WEIGHTS[kind] * np.sqrt(_nearby(found)) for kind, found in maps.items())
    return np.asarray(expit(INTERCEPT + sum(roots)), np.float64)


def _nearby(plane: NDArray[np.floating]) -> NDArray[np.float64]:
    means = cv2.blur(plane.astype(np.float64), (WINDOW_PX, WINDOW_PX), borderType=cv2.BORDER_REFLECT)
    return np.maximum(means, 0)
