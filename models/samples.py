"""Pieces of a volume on which a network is tried before it predicts the whole."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from models.memory import Cut
from models.surroundings import Margins, ReadSections, aligned_blocks, with_context
from models.tiles import padded

PLACES = 4
"""Pieces spread evenly over a volume."""


def first_sections(
    read: ReadSections, first: int, size: int, *, n_sections: int, margins: Margins
) -> NDArray[np.uint8]:
    """Read whole sections (z, y, x) from the block of `size` that holds `first`, with what the stem swallows."""
    block, wanted = next(aligned_blocks(range(first, min(first + size, n_sections)), size, margins.grid[0]))
    return with_context(read, block, wanted, n_sections=n_sections, margins=replace(margins, sections=0)).image


def middle_of(stack: NDArray[np.uint8], tile_px: int, grid_px: int) -> NDArray[np.uint8]:
    """Cut out the middle, on the network's grid; the edges of a volume may be empty."""
    whole = padded(stack, grid_px)
    most = max(grid_px, tile_px // grid_px * grid_px)
    spans = (_middle(extent, most) for extent in whole.shape[1:])
    return whole[(slice(None), *spans)]


def spread(read: ReadSections, size: Cut, *, n_sections: int, margins: Margins) -> Iterator[NDArray[np.uint8]]:
    """Read pieces of sections spread over a volume, the same whatever is to be predicted of it."""
    for place in range(PLACES):
        first = (2 * place + 1) * n_sections // (2 * PLACES)
        whole = max(0, min(first, n_sections - size.sections))
        stack = first_sections(read, whole, size.sections, n_sections=n_sections, margins=margins)
        yield middle_of(stack, size.tile_px, margins.grid[1])


def _middle(extent: int, size: int) -> slice:
    start = max(0, (extent - size) // 2)
    return slice(start, start + min(size, extent))
