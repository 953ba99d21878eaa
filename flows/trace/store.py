"""What lies in the folder of an unfinished trace: arrays of sections, and files of blocks."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from flows.link_output import tracks_folder
from loop.atomic import replacing
from loop.volume import VoxelSize

Arrays = dict[str, NDArray[Any]]


def parts_of(stored: Arrays, names: Iterable[str], counts: str) -> Iterator[tuple[NDArray[Any], ...]]:
    """Part columns of a table that were put end to end, by another column that counts the rows of each part."""
    stops = np.cumsum(stored[counts]).tolist()
    for start, stop in pairwise([0, *stops]):
        yield tuple(stored[name][start:stop] for name in names)


@dataclass(frozen=True)
class TraceStore:
    """The folder of an unfinished trace.

    `objects.zarr` has the arrays `(z, y, x)` `membrane` (uint8, 255 = membrane, cleaned) and `objects` (uint32, of each
    section by itself); `axons.zarr` what comes out. Every section is a chunk, so that any number of processes may write
    sections of their own. `blocks` has small tables, a folder for each block.
    """

    folder: Path

    def create(self, shape: tuple[int, int, int]) -> None:
        """Make the arrays of objects where they are not there yet."""
        group = zarr.open_group(self.folder / "objects.zarr", mode="a")
        for name, dtype in (("membrane", "uint8"), ("objects", "uint32")):
            if name not in group:
                group.create_array(name, shape=shape, dtype=dtype, chunks=(1, *shape[1:]))

    def create_axons(self, shape: tuple[int, int, int], dtype: np.dtype[Any], size: VoxelSize) -> None:
        """Make the array of axons where it is not there yet."""
        if not (self.axons_path / "labels" / "zarr.json").exists():
            tracks_folder(self.axons_path, shape=shape, dtype=dtype, voxel_size_nm_zyx=size)

    @property
    def axons_path(self) -> Path:
        """Where the axons are written."""
        return self.folder / "axons.zarr"

    @cached_property
    def axons(self) -> Any:
        """The array of axons."""
        return zarr.open_group(self.axons_path, mode="r+")["labels"]

    @cached_property
    def _objects(self) -> Any:
        return zarr.open_group(self.folder / "objects.zarr", mode="r+")

    def write(self, z: int, membrane: NDArray[np.uint8], objects: NDArray[np.uint32]) -> None:
        """Write the cleaned membrane (255 = membrane) and the objects of section `z`, each `(y, x)`."""
        self._objects["membrane"][z] = membrane
        self._objects["objects"][z] = objects

    def membrane(self, z: int) -> NDArray[np.float32]:
        """Read the cleaned membrane probability `(y, x)` of section `z`."""
        return np.asarray(self._objects["membrane"][z], np.float32) / np.float32(255)

    def objects(self, z: int) -> NDArray[np.uint32]:
        """Read the objects `(y, x)` of section `z`."""
        return np.asarray(self._objects["objects"][z], np.uint32)

    def path(self, block: range, name: str) -> Path:
        """Give the file of a block that is called `name`."""
        return self.folder / "blocks" / f"{block.start:06d}-{block.stop:06d}" / name

    def save(self, block: range, name: str, arrays: Arrays) -> None:
        """Write a table of a block, whole or not at all."""
        with replacing(self.path(block, f"{name}.npz")) as temporary, temporary.open("wb") as stream:
            np.savez(stream, allow_pickle=False, **arrays)

    def load(self, block: range, name: str) -> Arrays:
        """Read a table of a block."""
        with np.load(self.path(block, f"{name}.npz"), allow_pickle=False) as stored:
            return dict(stored)
