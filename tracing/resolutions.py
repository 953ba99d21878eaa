"""Coarser resolutions of labels, for viewers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

SLAB_SECTIONS = 16
"""Sections of a chunk, and of what is written at a time."""
_SMALLEST_PX = 256
_MOST = 6


def resolutions_of(shape: tuple[int, int, int]) -> list[tuple[int, int, int]]:
    """Give the shapes `(z, y, x)` of a volume's resolutions, the finest first, each with half the rows and columns."""
    shapes = [shape]
    while max(shapes[-1][1:]) > _SMALLEST_PX and len(shapes) < _MOST:
        n_sections, height, width = shapes[-1]
        shapes.append((n_sections, -(-height // 2), -(-width // 2)))
    return shapes


def halved(labels: NDArray[Any]) -> NDArray[Any]:
    """Give labels `(z, y, x)` at half the rows and columns: of four pixels the label that most have.

    An odd last row or column counts twice. Where no label is more frequent than the others, one of them is taken.
    """
    padded = np.pad(labels, [(0, 0), *((0, extent % 2) for extent in labels.shape[1:])], mode="edge")
    first, second = padded[:, ::2, ::2], padded[:, ::2, 1::2]
    third, fourth = padded[:, 1::2, ::2], padded[:, 1::2, 1::2]
    twice = (first == second) | (first == third) | (first == fourth)
    return np.where(twice, first, np.where((second == third) | (second == fourth), second, fourth))
