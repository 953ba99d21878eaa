"""Where the picture of a tile's task lies in its section, and how pixels go from one to the other."""

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from loop.places import Tile

_Pixels = TypeVar("_Pixels", bound=np.generic)


@dataclass(frozen=True)
class Frame:
    """Where the picture of a task lies in its section.

    Attributes
    ----------
    tile : Tile
        What is to be corrected.
    picture : Tile
        What is shown: the tile with its margin, cut off where the section ends.
    section_shape : (height, width)
        px.
    """

    tile: Tile
    picture: Tile
    section_shape: tuple[int, int]

    @classmethod
    def around(cls, tile: Tile, section_shape: tuple[int, int], *, margin_px: int) -> "Frame":
        """Put a margin around a tile."""
        top, left = max(tile.y_px - margin_px, 0), max(tile.x_px - margin_px, 0)
        bottom = min(tile.y_px + tile.height_px + margin_px, section_shape[0])
        right = min(tile.x_px + tile.width_px + margin_px, section_shape[1])
        return cls(tile, Tile(top, left, bottom - top, right - left), section_shape)

    @property
    def inside(self) -> NDArray[np.bool_]:
        """Which pixels (y, x) of the picture are the tile's."""
        mask = np.zeros((self.picture.height_px, self.picture.width_px), np.bool_)
        top, left = self.tile.y_px - self.picture.y_px, self.tile.x_px - self.picture.x_px
        mask[top : top + self.tile.height_px, left : left + self.tile.width_px] = True
        return mask

    def cut(self, section: NDArray[_Pixels]) -> NDArray[_Pixels]:
        """Give the picture's part of a section (y, x); a copy, so that the section can go."""
        return section[self.picture.window].copy()

    def clipped(self, picture: NDArray[_Pixels]) -> NDArray[_Pixels]:
        """Give a picture (y, x) that is 0 outside of the tile."""
        return np.where(self.inside, picture, picture.dtype.type(0))

    def placed(self, picture: NDArray[_Pixels]) -> NDArray[_Pixels]:
        """Give a section (y, x) that holds the tile's part of a picture and is 0 everywhere else."""
        section: NDArray[Any] = np.zeros(self.section_shape, picture.dtype)
        section[self.picture.window] = self.clipped(picture)
        return section
