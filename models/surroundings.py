"""What a network is shown around the sections and pixels that it is to predict."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loop.errors import InputError
from models.dataset import reflected
from models.grid import rounded_up
from models.layouts import Layout

ReadSections = Callable[[int, int], NDArray[np.uint8]]


@dataclass(frozen=True)
class Margins:
    """What is read around a block and a tile: whole cells of the grid, and sections that the stem swallows."""

    sections: int
    px: int
    stem_sections: int
    grid: tuple[int, int]


def margins_of(layout: Layout, reach_share: float) -> Margins:
    """Say how much a network needs around what it is to give, if a share of its reach will do."""
    z, px = (math.ceil(reach * reach_share) for reach in layout.reach)
    return Margins(*rounded_up((z, px), layout.grid), layout.context_sections, layout.grid)


def aligned_blocks(sections: range, size: int, grid: int) -> Iterator[tuple[range, slice]]:
    """Cut `sections` at multiples of the network's z grid, so that pooling pairs the same sections in every block.

    Gives each block, which may begin before `sections` and end after it, with the part of it that was asked for.
    """
    step = -(-size // grid) * grid
    for start in range(sections.start // grid * grid, sections.stop, step):
        stop = min(start + step, -(-sections.stop // grid) * grid)
        wanted = slice(max(sections.start - start, 0), min(sections.stop, stop) - start)
        yield range(start, stop), wanted


@dataclass(frozen=True)
class Stack:
    """Sections (z, y, x) as a network is shown them, and which sections of its output were asked for."""

    image: NDArray[np.uint8]
    wanted: slice


def with_context(read: ReadSections, block: range, wanted: slice, *, n_sections: int, margins: Margins) -> Stack:
    """Read a block, of which a part is wanted, with its margins.

    The volume's ends are left to the network's own padding, as in training, except for what the stem swallows.

    Raises
    ------
    InputError
        What is read is not uint8 (z, y, x), or has not the sections that were asked for.
    """
    start = max(0, block.start - margins.sections)
    stop = min(-(-n_sections // margins.grid[0]) * margins.grid[0], block.stop + margins.sections)
    shown = reflected(np.arange(start - margins.stem_sections, stop + margins.stem_sections), n_sections)
    first, last = int(shown.min()), int(shown.max())
    image = read(first, last + 1)
    if image.ndim != 3 or len(image) != last + 1 - first or 0 in image.shape or image.dtype != np.uint8:
        raise InputError(
            "the image cannot be predicted",
            given=f"{image.dtype} {image.shape} for sections {first}:{last + 1}",
            expected=f"uint8 ({last + 1 - first}, y, x)",
            fix="give an 8-bit grey volume",
        )
    before = block.start - start
    return Stack(image[shown - first], slice(before + wanted.start, before + wanted.stop))
