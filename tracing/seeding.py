"""Seeds and watershed: from the membrane probability of a section to its objects."""

from typing import Any

import edt
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.ndimage import center_of_mass, maximum
from scipy.spatial import KDTree

from loop.blurring import blurred
from loop.errors import InputError
from tracing.flooding import flooded, spread
from tracing.seeding_peaks import peaks

_HALF_PIXEL = np.float32(0.5)
"""Keeps the logarithm finite on the membrane; the distance is not known better than this."""


class SeedingConfig(BaseModel):
    """How objects are found in a membrane probability."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    threshold: float = Field(default=0.4, gt=0, lt=1)
    """Pixels below this membrane probability may lie inside an object."""
    smoothing_px: float = Field(default=0.5, ge=0)
    """Standard deviation of the Gaussian that smooths the distance from the membrane."""
    neck_ratio: float = Field(default=2.7, gt=1)
    """Two bodies are two objects where the neck between them is narrower than the smaller body by this factor."""
    min_distance_px: float | None = Field(default=None, gt=0)
    """Of two seeds nearer than this, the one farther from the membrane stays; without it all stay."""
    min_area_px: int | None = Field(default=None, gt=0)
    """Objects of fewer pixels than this go to their neighbours; without it all stay."""


def objects_of_membrane(membrane: NDArray[Any], config: SeedingConfig | None = None) -> NDArray[np.int32]:
    """Segment one section from its membrane probability by a marker watershed.

    Parameters
    ----------
    membrane : ndarray of float, shape (y, x)
        Membrane probability in [0, 1], 1 = membrane.
    config : SeedingConfig, optional
        Threshold, smoothing and which seeds stay.

    Returns
    -------
    ndarray of int32, shape (y, x)
        Objects, numbered from 1; every pixel belongs to one, also the membrane's.

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
    markers = _markers(membrane, config)
    objects = flooded(membrane, markers)
    if config.min_area_px is None:
        return objects
    large = np.bincount(objects.ravel()) >= config.min_area_px
    large[np.argmax(np.bincount(objects.ravel()))] = True
    return flooded(membrane, _kept(markers, large))


def _markers(membrane: NDArray[Any], config: SeedingConfig) -> NDArray[np.int32]:
    """Give the seeds of a section `(y, x)`, numbered from 1; the whole section where there is none."""
    inside = np.asarray(membrane < config.threshold, np.bool_)
    if inside.all() or not inside.any():
        return np.ones(membrane.shape, np.int32)
    smooth = blurred(edt.edt(inside, parallel=1), config.smoothing_px)
    markers = peaks(np.log(smooth + _HALF_PIXEL), float(np.log(config.neck_ratio)))
    if config.min_distance_px is not None:
        markers = _kept(markers, _apart(markers, smooth, config.min_distance_px))
    return spread(markers, inside)


def _apart(markers: NDArray[np.int32], height: NDArray[np.float32], distance_px: float) -> NDArray[np.bool_]:
    """Say which markers stay, entry 0 being none, so that their centres are `distance_px` apart: the highest first."""
    names = np.arange(1, int(markers.max()) + 1)
    centres = KDTree(np.array(center_of_mass(markers > 0, markers, names)))
    near = centres.query_ball_point(centres.data, np.nextafter(distance_px, 0))
    kept = np.zeros(len(names) + 1, np.bool_)
    for one in np.argsort(-np.asarray(maximum(height, markers, names)), kind="stable"):
        kept[one + 1] = not kept[1:][near[one]].any()
    return kept


def _kept(markers: NDArray[np.int32], kept: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Take markers away and number the others from 1."""
    kept[0] = False
    return np.asarray(np.where(kept, np.cumsum(kept), 0)[markers], np.int32)


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
