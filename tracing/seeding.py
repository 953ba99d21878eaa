"""Seeds and watershed: from the membrane probability of a section to its objects."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.ndimage import distance_transform_edt, gaussian_filter
from skimage.measure import label
from skimage.morphology import h_maxima
from skimage.segmentation import watershed

from loop.errors import InputError

_HALF_PIXEL = np.float32(0.5)
"""Keeps the logarithm finite on the membrane; the distance is not known better than this."""


class SeedingConfig(BaseModel):
    """How objects are found in a membrane probability."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    threshold: float = Field(default=0.5, gt=0, lt=1)
    """Pixels below this membrane probability may lie inside an object."""
    smoothing_px: float = Field(default=1.0, ge=0)
    """Standard deviation of the Gaussian that smooths the distance from the membrane."""
    neck_ratio: float = Field(default=2.0, gt=1)
    """Two bodies are two objects where the neck between them is narrower than the smaller body by this factor."""


def objects_of_membrane(membrane: NDArray[Any], config: SeedingConfig | None = None) -> NDArray[np.int32]:
    """Segment one section from its membrane probability by a marker watershed.

    Parameters
    ----------
    membrane : ndarray of float, shape (y, x)
        Membrane probability in [0, 1], 1 = membrane.
    config : SeedingConfig, optional
        Threshold and smoothing.

    Returns
    -------
    ndarray of int32, shape (y, x)
        Objects from 1; every pixel belongs to one, also the membrane's.

    Raises
    ------
    InputError
        If the probability is NaN or leaves [0, 1].

    Notes
    -----
    Markers are the regional maxima of the smoothed distance to the membrane that stand at least a factor
    `neck_ratio` above the saddle to a higher one: h-maxima (Soille, Morphological Image Analysis, 2003, 6.3.4) of
    the logarithm of the distance. The factor, where a fixed depth in pixels would cut thick neurites at every
    varicosity, keeps them whole and still parts thin ones at a leak in their wall.
    """
    config = config or SeedingConfig()
    require_probability(membrane)
    distance = distance_transform_edt(membrane < config.threshold)
    smooth = gaussian_filter(np.asarray(distance, dtype=np.float32), config.smoothing_px)
    markers = label(h_maxima(np.log(smooth + _HALF_PIXEL), np.log(config.neck_ratio)))
    if not markers.any():
        markers = np.ones(membrane.shape, dtype=np.int32)
    return np.asarray(watershed(membrane, markers), dtype=np.int32)


def require_probability(membrane: NDArray[Any]) -> None:
    """Refuse an array with values that are no probability."""
    lowest, highest = float(np.min(membrane)), float(np.max(membrane))
    if not (lowest >= 0 and highest <= 1):  # written so that NaN fails too
        raise InputError(
            "membrane probability has values that are no probability",
            given="NaN" if np.isnan(lowest) or np.isnan(highest) else f"values from {lowest:g} to {highest:g}",
            expected="float values from 0 to 1, 1 = membrane",
            fix="predict the volume again, or divide an 8-bit probability by 255",
        )
