"""What an annotator is asked for: a whole section, or a tile of it."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, NamedTuple

from pydantic import BeforeValidator, PlainSerializer

_WRITTEN = re.compile(r"(\d+)\[(\d+):(\d+),(\d+):(\d+)\]")


class Tile(NamedTuple):
    """A rectangle of a section: its first row and column, its height and width, all in px."""

    y_px: int
    x_px: int
    height_px: int
    width_px: int

    @property
    def window(self) -> tuple[slice, slice]:
        """The tile as an index of an array (y, x)."""
        return slice(self.y_px, self.y_px + self.height_px), slice(self.x_px, self.x_px + self.width_px)

    def overlaps(self, other: "Tile") -> bool:
        """Tell whether the two have a pixel in common."""
        return (
            self.y_px < other.y_px + other.height_px
            and other.y_px < self.y_px + self.height_px
            and self.x_px < other.x_px + other.width_px
            and other.x_px < self.x_px + self.width_px
        )


@dataclass(frozen=True)
class Place:
    """Section z, or a tile of it; written `51`, or `51[256:512,0:256]` with rows and columns as in an array's index."""

    z: int
    tile: Tile | None = None

    def __str__(self) -> str:
        if self.tile is None:
            return str(self.z)
        rows, columns = self.tile.window
        return f"{self.z}[{rows.start}:{rows.stop},{columns.start}:{columns.stop}]"

    @classmethod
    @lru_cache(maxsize=4096)  # a ledger names each of its places several times in a row
    def parse(cls, written: str) -> "Place":
        """Read what `str` wrote.

        Raises
        ------
        ValueError
            It is no place.
        """
        if written.isdecimal():
            return cls(int(written))
        found = _WRITTEN.fullmatch(written)
        if found is None:
            raise ValueError(f"{written!r} is neither a section, such as 51, nor a tile, such as 51[256:512,0:256]")
        z, top, bottom, left, right = map(int, found.groups())
        return cls(z, Tile(top, left, bottom - top, right - left))

    @property
    def order(self) -> tuple[int, tuple[int, ...]]:
        """By what places are sorted: z, then row and column, whole sections first."""
        return self.z, self.tile or ()

    def shows_the_same(self, other: "Place", *, min_distance_sections: int) -> bool:
        """Tell whether two places have pixels in common and are nearer in z than the distance."""
        near = abs(self.z - other.z) < min_distance_sections
        return near and (self.tile is None or other.tile is None or self.tile.overlaps(other.tile))


def _read(value: object) -> object:
    if isinstance(value, int):  # sections in ledgers of older versions
        return Place(value)
    return Place.parse(value) if isinstance(value, str) else value


PlaceField = Annotated[Place, BeforeValidator(_read), PlainSerializer(str)]
"""A place as pydantic stores it: as its text."""
