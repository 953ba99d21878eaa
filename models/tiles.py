"""Sections cut into tiles that each read as far beyond what they give as the network looks."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Tile:
    """Where in y and x a tile is read, which part of it is valid, and where that part goes."""

    read: tuple[slice, slice]
    keep: tuple[slice, slice]
    write: tuple[slice, slice]


def tiles(extents: tuple[int, ...], size: int, *, reach_px: int, grid_px: int) -> list[Tile]:
    """Cover a section of `extents` (y, x), multiples of `grid_px`, by tiles of about `size`."""
    rows, columns = (list(_spans(extent, size, reach_px=reach_px, grid_px=grid_px)) for extent in extents)
    return [Tile(*((row[part], column[part]) for part in range(3))) for row in rows for column in columns]


def padded(stack: NDArray[np.uint8], grid_px: int) -> NDArray[np.uint8]:
    """Reflect the section's far edges outwards to the network's grid.

    No farther: at the edges of their patches networks learnt to do with their own padding.
    """
    beyond = [(0, padded_extent(extent, grid_px) - extent) for extent in stack.shape[1:]]
    # "reflect" repeats as often as a small section needs
    return np.pad(stack, ((0, 0), *beyond), mode="reflect")


def padded_extent(extent: int, grid_px: int) -> int:
    """Give the extent that `padded` makes of one."""
    return -(-extent // grid_px) * grid_px


def _spans(extent: int, size: int, *, reach_px: int, grid_px: int) -> Iterator[tuple[slice, slice, slice]]:
    if extent <= size:
        yield slice(0, extent), slice(0, extent), slice(0, extent)
        return
    step = -(-size // grid_px) * grid_px
    for start in range(0, extent, step):
        stop = min(start + step, extent)
        first, last = max(0, start - reach_px), min(extent, stop + reach_px)
        yield slice(first, last), slice(start - first, stop - first), slice(start, stop)
