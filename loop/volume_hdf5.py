"""Volumes in HDF5 files, from the file itself and nowhere else."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from loop.errors import InputError
from loop.volume_choice import choose
from loop.volume_limits import require_decodable
from loop.volume_size import checked_size
from loop.volume_stored import UNREADABLE, Volume, VoxelSize, stored_volume


def open_hdf5(path: Path, name: str | None, default: str | None) -> Volume:
    """Open dataset `name` of an HDF5 file, else its only one, else the one called `default`.

    Raises
    ------
    InputError
        If the file is damaged, the dataset is missing or not stored in the file itself, or is no volume.
    """
    try:
        with h5py.File(path, "r") as file:
            chosen, shape, dtype, size = _header(path, file, name=name, default=default)
    except UNREADABLE as error:
        raise InputError(
            f"{path} cannot be read as HDF5", given=str(error), expected="a whole HDF5 file", fix="copy the file again"
        ) from error

    def read(start: int, stop: int) -> NDArray[Any]:
        with h5py.File(path, "r") as reopened:
            return np.asarray(reopened[chosen][start:stop])

    return stored_volume(f"{path}:{chosen}", read, shape=shape, dtype=dtype, size=size)


def _header(
    path: Path, file: h5py.File, *, name: str | None, default: str | None
) -> tuple[str, tuple[int, ...], np.dtype[Any], VoxelSize | None]:
    """Choose the dataset and read its shape, type and voxel size."""
    links = _links(file)
    if name is None and default in links:
        name = default
    _refuse_links(path, name, links)
    chosen = choose(path, _datasets(file), name=name, default=default)
    spec, stored = f"{path}:{chosen}", file[chosen]
    _refuse_borrowed_voxels(spec, stored)
    require_decodable(f"a chunk of {spec}", stored.chunks or (), stored.dtype)
    written = stored.attrs.get("voxel_size_nm_zyx", file.attrs.get("voxel_size_nm_zyx"))
    return chosen, stored.shape, stored.dtype, None if written is None else checked_size(written, spec)


def _datasets(file: h5py.File) -> list[str]:
    """Name every dataset that the file stores; a name of its own for each hard link."""
    names: list[str] = []

    def visit(group: h5py.Group, prefix: str, above: tuple[h5py.Group, ...]) -> None:
        for key in group:
            if not isinstance(group.get(key, getlink=True), h5py.HardLink):
                continue
            item = group[key]
            if isinstance(item, h5py.Dataset):
                names.append(prefix + key)
            elif isinstance(item, h5py.Group) and item not in above:  # hard links can go round in circles
                visit(item, f"{prefix}{key}/", (*above, item))

    visit(file, "", (file["/"],))
    return names


def _links(file: h5py.File) -> dict[str, h5py.SoftLink | h5py.ExternalLink]:
    """Name every soft and external link; no link is followed."""
    links: dict[str, h5py.SoftLink | h5py.ExternalLink] = {}

    def note(key: str, link: object) -> None:
        if isinstance(link, h5py.SoftLink | h5py.ExternalLink):
            links[key] = link

    file.visititems_links(note)
    return links


def _refuse_links(path: Path, name: str | None, links: dict[str, h5py.SoftLink | h5py.ExternalLink]) -> None:
    parts = (name or "").strip("/").split("/")
    for depth in range(1, len(parts) + 1):
        link = links.get("/".join(parts[:depth]))
        if isinstance(link, h5py.ExternalLink):
            raise InputError(
                f"dataset {name} of {path} points into another file",
                given=f"an HDF5 external link to {link.path} of {link.filename}",
                expected="a dataset stored in the file itself",
                fix="open the other file, or copy the dataset into this one",
            )
        if link is not None:
            raise InputError(
                f"dataset {name} of {path} is a link",
                given=f"an HDF5 soft link to {link.path}",
                expected="a dataset stored under its own name",
                fix=f"write {path}:{link.path.strip('/')}",
            )


def _refuse_borrowed_voxels(spec: str, stored: h5py.Dataset) -> None:
    if stored.is_virtual or stored.external:
        raise InputError(
            f"the voxels of {spec} lie in other files",
            given="a virtual dataset" if stored.is_virtual else f"external storage in {stored.external[0][0]}",
            expected="a dataset stored in the file itself",
            fix="copy the dataset into a file of its own, for instance with h5repack",
        )
