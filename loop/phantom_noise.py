"""Random textures of unit variance, by the size of their grain."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from loop.phantom_walls import Plane


def smooth_noise(shape: tuple[int, int], spacing_px: float, rng: np.random.Generator) -> Plane:
    """Noise (y, x) of unit variance that changes over `spacing_px`."""
    coarse = rng.standard_normal([int(n / spacing_px) + 4 for n in shape])
    return stretched(coarse, shape, spacing_px)


def stretched(coarse: NDArray[np.float64], shape: tuple[int, int], spacing_px: float) -> Plane:
    """Interpolate values on a grid of `spacing_px` to every pixel."""
    rows, columns = np.arange(shape[0]) / spacing_px + 1, np.arange(shape[1]) / spacing_px + 1
    y, x = np.meshgrid(rows, columns, indexing="ij")
    fine: Plane = ndimage.map_coordinates(coarse, [y, x], order=3, output=np.float32, mode="nearest")
    return fine * np.float32(1.25)


def grainy(shape: tuple[int, int], sigma_px: float, rng: np.random.Generator) -> Plane:
    """Noise (y, x) of unit variance with grains of `sigma_px`."""
    noise = ndimage.gaussian_filter(rng.standard_normal(shape).astype(np.float32), sigma_px, mode="wrap")
    return np.asarray(noise / noise.std(), np.float32)
