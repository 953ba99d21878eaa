"""What registration looks at: a section made small, evenly lit, and told where it shows tissue at all."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]

_LIGHT_PX = 24.0
"""Grey is compared with its surroundings of this standard deviation, in working pixels."""
_FLAT_VARIANCE = 1.0
"""Less variance in 5 x 5 pixels than this is no tissue: black borders, blank sections, saturated areas."""
_FAINTEST_VARIANCE = 25.0
"""Contrast is not amplified beyond this, so that noise stays noise."""
_STRONGEST = 3.0
_FINE_SIGMA_PX = 4.0
"""A Gaussian of this standard deviation is smooth enough to be interpolated between pixels."""
_MOSTLY = 0.6


@dataclass(frozen=True)
class Picture:
    """A section as registration sees it.

    Attributes
    ----------
    grey : (y, x) float32
        Local mean 0 and deviation 1, at most 3 away from 0; 0 where not valid.
    valid : (y, x) float32
        1 where tissue is seen, 0 elsewhere.
    """

    grey: Plane
    valid: Plane


def picture_of_image(image: NDArray[Any], factor: int) -> Picture:
    """Give the picture of an EM section `(y, x)`, `factor` times smaller along both axes."""
    grey = np.asarray(image, np.float32)
    return _even(grey, _tissue(grey), factor)


def picture_of_outlines(labels: NDArray[Any], factor: int) -> Picture:
    """Give the picture of labels `(y, x)`: dark where two ids meet or there is none, brighter away from there."""
    return _even(_depth(labels, factor), np.ones(labels.shape, np.float32), factor)


def _depth(labels: NDArray[Any], factor: int) -> Plane:
    ids = np.asarray(labels, np.float64)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    inside = (ids > 0) & (cv2.dilate(ids, cross) == cv2.erode(ids, cross))
    depth = np.asarray(cv2.distanceTransform(np.asarray(inside, np.uint8), cv2.DIST_L2, 3), np.float32)
    return np.asarray(np.minimum(depth / factor, _STRONGEST) * 50, np.float32)


def image_of_outlines(labels: NDArray[Any], factor: int) -> NDArray[np.uint8]:
    """Give what stands in for a missing image of labels `(y, x)`: grey values that are darkest at their outlines.

    Depth counts up to `_STRONGEST` pixels that are `factor` times larger.
    """
    return np.asarray(1 + _depth(labels, factor), np.uint8)


def shrunk(plane: Plane, factor: int) -> Plane:
    """Average blocks of `factor` x `factor` pixels."""
    if factor == 1:
        return plane
    size = (max(plane.shape[1] // factor, 1), max(plane.shape[0] // factor, 1))
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32)


def smaller(picture: Picture, factor: int) -> Picture:
    """Give the picture `factor` times smaller."""
    return Picture(shrunk(picture.grey, factor), _most(shrunk(picture.valid, factor)))


def _even(grey: Plane, valid: Plane, factor: int) -> Picture:
    share = shrunk(valid, factor)
    small = shrunk(grey * valid, factor) / np.maximum(share, np.float32(0.01))
    seen = _most(share)
    weight = blurred(seen, _LIGHT_PX) + np.float32(1e-4)
    mean = blurred(small * seen, _LIGHT_PX) / weight
    variance = blurred(small * small * seen, _LIGHT_PX) / weight - mean * mean
    level = (small - mean) / np.sqrt(np.maximum(variance, np.float32(_FAINTEST_VARIANCE)))
    return Picture(blurred(np.clip(level, -_STRONGEST, _STRONGEST) * seen, 0.8), seen)


def blurred(plane: Plane, sigma_px: float) -> Plane:
    """Convolve with a Gaussian, a wide one on a coarser grid; beyond the border the plane is mirrored."""
    factor = min(int(sigma_px / _FINE_SIGMA_PX), *plane.shape)
    if factor < 2:
        return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma_px), np.float32)
    coarse = cv2.GaussianBlur(shrunk(plane, factor), (0, 0), sigma_px / factor)
    return np.asarray(cv2.resize(coarse, plane.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _tissue(grey: Plane) -> Plane:
    mean = cv2.blur(grey, (5, 5))
    uneven = np.asarray(cv2.blur(grey * grey, (5, 5)) - mean * mean > _FLAT_VARIANCE, np.uint8)
    closed = cv2.morphologyEx(uneven, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    return np.asarray(cv2.erode(closed, np.ones((5, 5), np.uint8), borderValue=1), np.float32)


def _most(share: Plane) -> Plane:
    return np.asarray(share > _MOSTLY, np.float32)
