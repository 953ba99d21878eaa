"""Tiny stacks whose links are known: a tiling of cells, its membranes as the image."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

PIXEL_NM = 12.0


def tiling(shape: tuple[int, int] = (96, 96), cells: int = 40, seed: int = 0) -> NDArray[np.uint16]:
    """Cells numbered from 1, parted by walls of 0."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform(0, shape, (cells, 2))
    rows, columns = np.indices(shape)
    distance = np.hypot(rows - centres[:, 0, None, None], columns - centres[:, 1, None, None])
    nearest, second = np.sort(distance, axis=0)[:2]
    return np.where(second - nearest > 3, distance.argmin(axis=0) + 1, 0).astype(np.uint16)


def seen(labels: NDArray[Any], seed: int = 0) -> NDArray[np.uint8]:
    """An image of labels: dark walls, blur, noise."""
    noise = np.random.default_rng(seed).normal(0, 6, labels.shape)
    return np.clip(gaussian_filter(np.where(labels > 0, 170.0, 60.0), 1) + noise, 1, 255).astype(np.uint8)


def moved(plane: NDArray[Any], y: int, x: int) -> NDArray[Any]:
    """The plane displaced by whole pixels; what comes in from outside is 0."""
    result = np.zeros_like(plane)
    rows, columns = plane.shape
    result[max(y, 0) : rows + min(y, 0), max(x, 0) : columns + min(x, 0)] = plane[
        max(-y, 0) : rows + min(-y, 0), max(-x, 0) : columns + min(-x, 0)
    ]
    return result
