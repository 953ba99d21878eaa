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
from tracing.tracking_runs import runs_of_planes

Arrays = dict[str, NDArray[Any]]


def parts_of(stored: Arrays, names: Iterable[str], counts: str) -> Iterator[tuple[NDArray[Any], ...]]:
    """Part columns of a table that were put end to end, by another column that counts the rows of each part."""
    stops = np.cumsum(stored[counts]).tolist()
    for start, stop in pairwise([0, *stops]):
        yield tuple(stored[name][start:stop] for name in names)


@dataclass(frozen=True)
class TraceStore:
    """The folder of an unfinished trace.

    `sections` has two files for each section: its cleaned membrane (uint8, 255 = membrane) and its objects by
    themselves, as runs of equal pixels; `axons.zarr` what comes out, a chunk a section. So any number of processes may
    write sections of their own. `blocks` has small tables, a folder for each block.
    """

    folder: Path

    def create(self) -> None:
        """Make the folder of sections."""
        (self.folder / "sections").mkdir(exist_ok=True)

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

    def write(self, z: int, membrane: NDArray[np.uint8], objects: NDArray[np.uint32]) -> None:
        """Write the cleaned membrane (255 = membrane) and the objects of section `z`, each `(y, x)`."""
        runs = runs_of_planes(objects)
        np.save(self._section(z, "membrane"), membrane)
        np.save(self._section(z, "objects"), np.stack([objects.ravel()[runs.start], runs.length_px.astype(np.uint32)]))

    def membrane(self, z: int) -> NDArray[np.float32]:
        """Read the cleaned membrane probability `(y, x)` of section `z`."""
        return np.asarray(np.load(self._section(z, "membrane")), np.float32) / np.float32(255)

    def objects(self, z: int) -> NDArray[np.uint32]:
        """Read the objects `(y, x)` of section `z`."""
        shape = np.load(self._section(z, "membrane"), mmap_mode="r").shape
        return np.asarray(np.repeat(*np.load(self._section(z, "objects"))).reshape(shape), np.uint32)

    def _section(self, z: int, name: str) -> Path:
        return self.folder / "sections" / f"{z:06d}.{name}.npy"

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
