"""Cleaning a predicted membrane, section by section, before objects are looked for."""

from typing import Any, Literal

import cc3d
import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from tracing.seeding import require_probability


class PostprocessConfig(BaseModel):
    """How a predicted membrane is cleaned; a step that is not set is left out."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    bilateral_px: float | None = Field(default=None, gt=0)
    """Standard deviation in pixels of a bilateral filter, which evens the probability out but keeps its edges."""
    bilateral_probability: float = Field(default=0.2, gt=0)
    """Its standard deviation in probability: a step larger than this is kept."""
    dilation_px: float | None = Field(default=None, gt=0)
    """The membrane grows by this radius in pixels, which closes leaks narrower than that."""
    erosion_px: float | None = Field(default=None, gt=0)
    """Then it shrinks by this radius in pixels; as much as it grew gives walls their width back."""
    speck_px: int | None = Field(default=None, gt=0)
    """Pieces of membrane of fewer pixels than this are taken away."""
    hole_px: int | None = Field(default=None, gt=0)
    """Holes in the membrane of fewer pixels than this are filled."""
    threshold: float = Field(default=0.5, gt=0, lt=1)
    """Probability from which on a pixel is membrane where specks and holes are counted."""


def postprocess(membrane: NDArray[Any], config: PostprocessConfig) -> NDArray[np.float32]:
    """Clean the membrane probability of one section.

    Parameters
    ----------
    membrane : ndarray of float, shape (y, x)
        Membrane probability in [0, 1], 1 = membrane.
    config : PostprocessConfig
        Which steps; they are taken in the order in which it lists them.

    Returns
    -------
    ndarray of float32, shape (y, x)
        Membrane probability in [0, 1]; equal to what was given if no step is set.

    Raises
    ------
    InputError
        If the probability is NaN or leaves [0, 1].

    Notes
    -----
    Bilateral filter: Tomasi and Manduchi, ICCV 1998. Erosion and dilation are those of grey values, by a disk
    (Soille, Morphological Image Analysis, 2003, 3). A speck hangs together by edges or corners, a hole by edges.
    """
    require_probability(membrane)
    clean = np.array(membrane, np.float32)
    if config.bilateral_px:
        clean = np.asarray(
            cv2.bilateralFilter(clean, -1, config.bilateral_probability, config.bilateral_px), np.float32
        )
        clean = np.clip(clean, 0, 1)  # weights add up to 1 but for rounding
    if config.dilation_px:
        clean = np.asarray(cv2.dilate(clean, _disk(config.dilation_px)), np.float32)
    if config.erosion_px:
        clean = np.asarray(cv2.erode(clean, _disk(config.erosion_px)), np.float32)
    if config.speck_px:
        clean[_small(clean >= config.threshold, config.speck_px, 8)] = 0
    if config.hole_px:
        clean[_small(clean < config.threshold, config.hole_px, 4)] = 1
    return clean


def _disk(radius_px: float) -> NDArray[np.uint8]:
    reach = np.arange(-int(radius_px), int(radius_px) + 1)
    return np.asarray(reach[:, None] ** 2 + reach**2 <= radius_px**2, np.uint8)


def _small(pixels: NDArray[np.bool_], least_px: int, connectivity: Literal[4, 8]) -> NDArray[np.bool_]:
    """Give those of the connected pieces that have fewer pixels than `least_px`."""
    pieces = cc3d.connected_components(pixels, connectivity=connectivity)
    small = np.bincount(pieces.ravel()) < least_px
    small[0] = False
    return np.asarray(small[pieces], np.bool_)
