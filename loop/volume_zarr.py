"""Volumes in Zarr folders, OME-Zarr included, from the folder itself and nowhere else."""

from collections.abc import Iterable, Mapping
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.abc.store import ByteRequest
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import LocalStore

from loop.errors import InputError
from loop.volume_choice import choose, refuse_leaving
from loop.volume_limits import require_decodable
from loop.volume_ome import OmeImage, ome_image
from loop.volume_size import checked_size
from loop.volume_stored import UNREADABLE, Volume, VoxelSize, stored_volume

_MARKS = ("zarr.json", ".zgroup", ".zarray")


def is_zarr(folder: Path) -> bool:
    """Say whether a folder is a Zarr group or array."""
    return folder.suffix.lower() == ".zarr" or any((folder / mark).exists() for mark in _MARKS)


def open_zarr(path: Path, name: str | None, default: str | None) -> Volume:
    """Open array or OME-Zarr image `name` of a Zarr folder.

    Of an OME-Zarr image the level of full resolution is taken; a level is named like any array. Without a name: the
    only volume of the folder, else the one called `default`, else the image that the folder itself is. `labels` also
    means the only image in the group `labels`.

    Raises
    ------
    InputError
        If the folder is damaged, a file of it lies elsewhere, the dataset is missing, or it is no volume.
    """
    try:
        return _opened(path, name, default)
    except UNREADABLE as error:
        raise InputError(
            f"{path} cannot be read as Zarr",
            given=str(error),
            expected="a whole Zarr group or array",
            fix="copy the folder again",
        ) from error


def _opened(path: Path, name: str | None, default: str | None) -> Volume:
    root: Any = zarr.open(_RootedStore(path, read_only=True), mode="r")
    nodes: dict[str, Any] = {"": root}
    if isinstance(root, zarr.Group):
        nodes |= dict(sorted(root.members(max_depth=None), key=itemgetter(0)))  # which come in any order
    images = {key: image for key, node in nodes.items() if (image := ome_image(node.attrs, f"{path}:{key}"))}
    arrays = {key: node for key, node in nodes.items() if isinstance(node, zarr.Array)}
    chosen = _choose_array(path, arrays, images, name=name, default=default)
    spec = f"{path}:{chosen}" if chosen else str(path)
    for key, image in images.items():
        for level, stored in enumerate(image.levels):
            if chosen == _join(key, stored.path):
                size = _written_size(arrays[chosen], spec) or image.voxel_size_nm_zyx(level, spec)
                return _volume(spec, arrays[chosen], leading=len(image.axes) - 3, size=size)
    size = _written_size(arrays[chosen], spec) or _written_size(root, spec)
    return _volume(spec, arrays[chosen], leading=0, size=size)


def _choose_array(
    path: Path, arrays: Mapping[str, Any], images: Mapping[str, OmeImage], *, name: str | None, default: str | None
) -> str:
    finest = {key: _join(key, image.levels[0].path) for key, image in images.items()}
    levels = {_join(key, level.path) for key, image in images.items() for level in image.levels}
    volumes = [*finest, *(key for key in arrays if key not in levels)]
    inner = [key for key in finest if key.startswith("labels/")]
    wanted = default if name is None else name.strip("/")
    if wanted == "labels" and "labels" not in volumes and len(inner) == 1:
        name = inner[0]
    elif name is None and wanted in volumes:
        name = wanted
    elif name is None and "" in volumes:
        name = ""
    known = list(arrays) if name is not None and name.strip("/") in arrays else volumes
    key = choose(path, known, name=name, default=default)
    array = finest.get(key, key)
    return choose(path, list(arrays), name=array, default=None)


def _volume(spec: str, array: Any, *, leading: int, size: VoxelSize | None) -> Volume:
    if any(extent != 1 for extent in array.shape[:leading]):
        raise InputError(
            f"{spec} has several channels or times",
            given=f"shape {array.shape}",
            expected="extent 1 along every axis before z, y, x",
            fix="store the one channel that shows the tissue by itself",
        )

    require_decodable(f"a chunk of {spec}", array.chunks, array.dtype)

    def read(start: int, stop: int) -> NDArray[Any]:
        return np.asarray(array[(0,) * leading + (slice(start, stop),)])

    return stored_volume(spec, read, shape=array.shape[leading:], dtype=array.dtype, size=size)


def _written_size(node: Any, spec: str) -> VoxelSize | None:
    written = node.attrs.get("voxel_size_nm_zyx")
    return None if written is None else checked_size(written, spec)


def _join(group: str, path: str) -> str:
    return f"{group}/{path}".strip("/")


class _RootedStore(LocalStore):
    """A Zarr folder of which no file may lie elsewhere, looked at when it is read."""

    async def get(
        self, key: str, prototype: BufferPrototype | None = None, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        refuse_leaving(self.root, self.root / key)
        return await super().get(key, prototype, byte_range)

    async def get_partial_values(
        self, prototype: BufferPrototype, key_ranges: Iterable[tuple[str, ByteRequest | None]]
    ) -> list[Buffer | None]:
        ranges = list(key_ranges)
        for key, _ in ranges:
            refuse_leaving(self.root, self.root / key)
        return await super().get_partial_values(prototype, ranges)
