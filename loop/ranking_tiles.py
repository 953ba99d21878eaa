"""The places of a section that may be asked for, and means over them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loop.places import Place, Tile

_STEPS = 16  # positions of a tile along its own length


@dataclass(frozen=True)
class Tiling:
    """A section, or the tiles all over it, each a sixteenth of its length from the next, the last ones at the edges.

    Attributes
    ----------
    places : list of Place
        In the order of rows and columns; without tiles of which everything is labelled. A tile that would be the whole
        section is given as the section.
    fresh : (y, x) bool
        Where the section has no labels yet.
    """

    places: list[Place]
    fresh: NDArray[np.bool_]

    @property
    def area_px(self) -> int:
        """Pixels of each place."""
        tile = self.places[0].tile if self.places else None
        return tile.height_px * tile.width_px if tile else self.fresh.size

    def means(self, plane: NDArray[Any]) -> NDArray[np.float64]:
        """Give the mean of `plane` (y, x) over every place, (n,)."""
        return _means(plane, self.places)


def tiling(shape: tuple[int, int], z: int, *, tile_px: int | None, labelled: Iterable[Tile] = ()) -> Tiling:
    """Lay tiles over a section.

    Parameters
    ----------
    shape : (int, int)
        Of the section, px.
    z : int
        The section.
    tile_px : int or None
        Height and width of tiles; a section that is shorter along an axis gives tiles as long as itself. None takes
        the section as a whole.
    labelled : iterable of Tile
        What is labelled already; a tile may overlap it where the rest is worth that.
    """
    fresh = np.ones(shape, np.bool_)
    for known in labelled:
        fresh[known.window] = False
    height, width = (min(tile_px or extent, extent) for extent in shape)
    if (height, width) == shape:
        return Tiling([Place(z)] if fresh.any() else [], fresh)
    tiles = [
        Place(z, Tile(top, left, height, width))
        for top in _starts(shape[0], height)
        for left in _starts(shape[1], width)
    ]
    left_over = _means(fresh, tiles) > 0
    return Tiling([place for place, some in zip(tiles, left_over, strict=True) if some], fresh)


def _starts(extent: int, px: int) -> list[int]:
    """Give where tiles begin along an axis."""
    return [*range(0, extent - px, max(px // _STEPS, 1)), extent - px]


def _means(plane: NDArray[Any], places: list[Place]) -> NDArray[np.float64]:
    """Average `plane` over every place; tiles by a summed-area table."""
    if all(place.tile is None for place in places):
        return np.full(len(places), plane.mean(dtype=np.float64))
    whole = Tile(0, 0, *plane.shape)
    tiles = np.array([place.tile or whole for place in places], np.intp).reshape(-1, 4)
    table = np.pad(plane.cumsum(axis=0, dtype=np.float64).cumsum(axis=1), ((1, 0), (1, 0)))
    top, left, height, width = tiles.T
    bottom, right = top + height, left + width
    sums = table[bottom, right] - table[top, right] - table[bottom, left] + table[top, left]
    return np.asarray(sums / (height * width), np.float64)
