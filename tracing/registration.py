"""Where each pixel of one section is seen in another: robust whole displacement first, then dense flow."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from loop.errors import InputError
from tracing.registration_flow import Flow, constant_flow, similarity, with_residual_flow
from tracing.registration_picture import Picture, blurred, picture_of_image, picture_of_outlines, smaller
from tracing.registration_shift import candidate_shifts

SURE = 0.7
"""Similarity from which on a displacement is believed, and no other one is sought."""
_BENT_IMAGE, _BENT_OUTLINES = 0.12, 0.25
"""Part of the difference left that half the smoothing must take away, or the sections are not bent that finely."""
_COARSER = 2
"""Whole displacements are sought, and flows stored, in pixels this much larger than the working pixel."""


class RegistrationConfig(BaseModel):
    """How one section is laid on the next."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    working_pixel_nm: float = Field(default=20.0, ge=1, le=200)
    """Sections are made smaller to about this pixel: finer detail differs between neighbours anyway."""
    smoothing_nm: float = Field(default=288.0, ge=0, le=10_000)
    """Standard deviation of the Gaussian that smooths the displacement, halved where sections are bent more finely."""
    candidates: int = Field(default=6, ge=0, le=50)
    """Whole displacements that are tried beside none at all; the one that fits best after a flow is taken."""


@dataclass(frozen=True)
class Displacement:
    """How the pixels of one section move to another.

    Attributes
    ----------
    coarse : (2, y, x) float16
        Along y and x, in full pixels, at the centres of equal cells of the section.
    shape : (int, int)
        Rows and columns of the section.
    similarity : float
        Correlation of the two after it, -1 to 1.
    """

    coarse: NDArray[np.float16]
    shape: tuple[int, int]
    similarity: float

    def dense(self) -> Flow:
        """Give the displacement of every pixel: (2, y, x) float32, in pixels."""
        size = (self.shape[1], self.shape[0])
        coarse = np.asarray(self.coarse, np.float32)
        return np.stack([cv2.resize(part, size, interpolation=cv2.INTER_LINEAR) for part in coarse])


def register(
    fixed: NDArray[Any], moving: NDArray[Any], *, pixel_nm: float, config: RegistrationConfig | None = None
) -> Displacement:
    """Lay an EM section on another.

    Parameters
    ----------
    fixed, moving : ndarray, shape (y, x)
        Grey values; areas without contrast (black borders, blank sections) are left out.
    pixel_nm : float
        Size of a pixel within the section.
    config : RegistrationConfig, optional
        None takes the defaults.

    Returns
    -------
    Displacement
        From pixels of `fixed` to where they are seen in `moving`.

    Raises
    ------
    InputError
        If the two differ in shape.
    """
    config, factor = _checked(fixed, moving, pixel_nm, config)
    pictures = (picture_of_image(fixed, factor), picture_of_image(moving, factor))
    smoothing = _Smoothing(config.smoothing_nm / pixel_nm / factor, _BENT_IMAGE)
    return _registered(*pictures, fixed.shape, config, smoothing)


def register_outlines(
    fixed: NDArray[Any], moving: NDArray[Any], *, pixel_nm: float, config: RegistrationConfig | None = None
) -> Displacement:
    """Lay a section on another by the outlines of their labels (y, x), for images that cannot tell; as `register`."""
    config, factor = _checked(fixed, moving, pixel_nm, config)
    pictures = (picture_of_outlines(fixed, factor), picture_of_outlines(moving, factor))
    smoothing = _Smoothing(config.smoothing_nm / pixel_nm / factor, _BENT_OUTLINES)
    return _registered(*pictures, fixed.shape, config, smoothing)


def _checked(
    fixed: NDArray[Any], moving: NDArray[Any], pixel_nm: float, config: RegistrationConfig | None
) -> tuple[RegistrationConfig, int]:
    if fixed.shape != moving.shape:
        raise InputError(
            "two sections to be registered differ in size",
            given=f"{fixed.shape} and {moving.shape}",
            expected="the same rows and columns",
            fix="crop or pad the volume to one size",
        )
    config = config or RegistrationConfig()
    return config, max(1, round(config.working_pixel_nm / pixel_nm))


@dataclass(frozen=True)
class _Smoothing:
    """How a flow is smoothed.

    A flow that follows every neurite lays it on its neighbour, and always makes the pictures more alike; so sections
    are taken for finely bent only where that makes them so by more than neurites do.
    """

    sigma_px: float
    bent: float

    def smoothed(self, fixed: Picture, moving: Picture, flow: Flow) -> tuple[Flow, float]:
        """Give the smooth flow and how alike the pictures are after it."""
        if not self.sigma_px:
            return flow, similarity(fixed, moving, flow)
        ways = [np.stack([blurred(part, sigma_px) for part in flow]) for sigma_px in (self.sigma_px, self.sigma_px / 2)]
        (wide, alike), (fine, more_alike) = ((way, similarity(fixed, moving, way)) for way in ways)
        return (fine, more_alike) if 1 - more_alike < (1 - self.bent) * (1 - alike) else (wide, alike)


def _registered(
    fixed: Picture, moving: Picture, shape: tuple[int, ...], config: RegistrationConfig, smoothing: _Smoothing
) -> Displacement:
    start = _best_start(smaller(fixed, _COARSER), smaller(moving, _COARSER), config.candidates)
    flow = with_residual_flow(fixed, moving, _resized(start, fixed.grey.shape))
    flow, alike = smoothing.smoothed(fixed, moving, flow)
    scale = np.array([n / m for n, m in zip(shape, fixed.grey.shape, strict=True)], np.float32)[:, None, None]
    stored = tuple(max(n // _COARSER, 1) for n in fixed.grey.shape)
    coarse = np.stack([cv2.resize(part, stored[::-1], interpolation=cv2.INTER_AREA) for part in flow]) * scale
    return Displacement(coarse.astype(np.float16), (shape[0], shape[1]), alike)


def _best_start(fixed: Picture, moving: Picture, candidates: int) -> Flow:
    """Try whole displacements with a quick flow each and give the flow after which the pictures agree best."""
    best = with_residual_flow(fixed, moving, constant_flow(fixed.grey.shape, (0, 0)))
    score = similarity(fixed, moving, best)
    if score >= SURE:
        return best
    for shift in candidate_shifts(fixed, moving, candidates):
        flow = with_residual_flow(fixed, moving, constant_flow(fixed.grey.shape, shift))
        if (reached := similarity(fixed, moving, flow)) > score:
            best, score = flow, reached
    return best


def _resized(flow: Flow, shape: tuple[int, ...]) -> Flow:
    """Stretch a flow to a finer grid, its lengths with it."""
    scale = np.array([n / m for n, m in zip(shape, flow.shape[1:], strict=True)], np.float32)[:, None, None]
    return np.stack([cv2.resize(part, shape[::-1], interpolation=cv2.INTER_LINEAR) for part in flow]) * scale
