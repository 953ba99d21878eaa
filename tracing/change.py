"""How likely an annotator is to change a place: faults of tracking, signs of pieces and mergers, and entropy."""

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

WINDOW_PX = 32
"""Edge of the square around a pixel in which something changes, or nothing does."""
LOWER_THRESHOLD = 0.35
"""Membrane probability from which on a wall counts, beside the one that objects are made with."""
WEIGHTS: Mapping[str, float] = {
    "misfit": 1.31,
    "contradicted once": 1.05,
    "contradicted": 2.70,
    "weak border": 3.31,
    "jump": 2.48,
    "axon border": 7.32,
    "unstable": 2.52,
    "entropy": 6.07,
    "membrane": -3.99,
}
INTERCEPT = -4.86
"""Fitted to tiles of sections 50 to 69 of SNEMI3D AC4 at 12 nm a pixel, as the first model of a run that began with 0
to 49 predicted them: 1 where a mark of the oracle touches the tile or 40 px of it change their object. The kinds were
chosen on the same twenty sections; `benchmarks/consistency.py --sections` tells how they do on others."""


def change_probability(maps: Mapping[str, NDArray[np.floating]]) -> NDArray[np.float64]:
    """Give the probability that something within `WINDOW_PX` of a pixel is changed: a mean over tiles is their share.

    A logistic model of the square roots of means over the window: a place with twice as much of a fault is not changed
    twice. docs/decisions/0018 says how the weights did elsewhere.

    Parameters
    ----------
    maps : mapping of str to ndarray of float, shape (y, x)
        `misfit` of `tracing.consistency.fault_maps`; those of `tracing.evidence.evidence_maps`; `unstable`, 1 where the
        section's objects are others for `LOWER_THRESHOLD`; `entropy` in bits; `membrane`, the probability. One that is
        missing counts as 0; others are not looked at.
    """
    roots = (weight * np.sqrt(_nearby(maps[kind])) for kind, weight in WEIGHTS.items() if kind in maps)
    return np.asarray(expit(INTERCEPT + sum(roots)), np.float64)


def _nearby(plane: NDArray[np.floating]) -> NDArray[np.float64]:
    means = cv2.blur(plane.astype(np.float64), (WINDOW_PX, WINDOW_PX), borderType=cv2.BORDER_REFLECT)
    return np.maximum(means, 0)
