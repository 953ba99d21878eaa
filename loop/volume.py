"""The one door to stored volumes: `path[:dataset]` in, lazily read sections out."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import zarr
from numpy.typing import NDArray

from loop.errors import InputError

VoxelSize = tuple[float, float, float]


@dataclass(frozen=True)
class Volume:
    """A stored `(z, y, x)` array of which only the sections asked for are read.

    Attributes
    ----------
    spec : str
        The `path:dataset` it was opened by.
    shape : tuple of int
        Sections, rows, columns.
    dtype : numpy dtype
        Type of a voxel on disk.
    voxel_size_nm_zyx : tuple of float or None
        Physical size of a voxel in nanometres, None where the file does not say.
    """

    spec: str
    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    voxel_size_nm_zyx: VoxelSize | None
    _read: Callable[[int, int], NDArray[Any]]

    def sections(self, start: int, stop: int) -> NDArray[Any]:
        """Read sections `start:stop` as an array of shape `(stop - start, y, x)`.

        Raises
        ------
        InputError
            If the range leaves the volume.
        """
        if not 0 <= start <= stop <= self.shape[0]:
            raise InputError(
                f"sections asked of {self.spec} lie outside it",
                given=f"{start}:{stop}",
                expected=f"a range within 0:{self.shape[0]}",
                fix="shorten the range",
            )
        return self._read(start, stop)

    def section(self, z: int) -> NDArray[Any]:
        """Read section `z` as an array of shape `(y, x)`."""
        section: NDArray[Any] = self.sections(z, z + 1)[0]
        return section


def open_volume(spec: str | Path, *, dataset: str | None = None) -> Volume:
    """Open a volume named by `path[:dataset]`.

    Parameters
    ----------
    spec : str or Path
        HDF5 file or Zarr folder, optionally followed by `:dataset`.
    dataset : str, optional
        The dataset to take where `spec` names none; without it the only 3D dataset is taken.

    Raises
    ------
    InputError
        If the file, the dataset or three axes are missing, or the format is unknown.
    """
    path, name = _split(str(spec))
    if not path.exists():
        raise InputError(
            "volume not found", given=path, expected="an existing HDF5 file or Zarr folder", fix="check the path"
        )
    opener = _OPENERS.get(path.suffix.lower())
    if opener is None:
        raise InputError(
            "volume format not known",
            given=path,
            expected=f"a name that ends in one of {', '.join(_OPENERS)}",
            fix="convert the volume to HDF5, for instance with h5py",
        )
    return opener(path, name, dataset)


def open_image(spec: str | Path, *, dataset: str = "raw") -> Volume:
    """Open an EM image: uint8 `(z, y, x)`."""
    volume = open_volume(spec, dataset=dataset)
    if volume.dtype != np.uint8:
        raise InputError(
            f"image {volume.spec} has the wrong type",
            given=volume.dtype,
            expected="uint8 grey values, 0 to 255",
            fix="rescale the image to uint8 and store that",
        )
    return volume


def open_labels(spec: str | Path, *, dataset: str = "labels") -> Volume:
    """Open instance labels: unsigned integers `(z, y, x)`, 0 = membrane, extracellular or unlabelled."""
    volume = open_volume(spec, dataset=dataset)
    if volume.dtype.kind != "u":
        raise InputError(
            f"labels {volume.spec} have the wrong type",
            given=volume.dtype,
            expected="unsigned integers, 0 = membrane or unlabelled",
            fix="store the labels as uint16, uint32 or uint64",
        )
    return volume


def _split(spec: str) -> tuple[Path, str | None]:
    if Path(spec).exists() or ":" not in spec:
        return Path(spec), None
    path, name = spec.rsplit(":", 1)
    return Path(path), name


def _open_hdf5(path: Path, name: str | None, default: str | None) -> Volume:
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise InputError(
            f"{path} cannot be read as HDF5", given=str(error), expected="a whole HDF5 file", fix="copy the file again"
        ) from error
    with file:
        names: list[str] = []
        file.visititems(lambda key, item: names.append(key) if isinstance(item, h5py.Dataset) else None)
        chosen = _choose(path, name, default, names)
        if isinstance(file.get(chosen, getlink=True), h5py.ExternalLink):
            raise InputError(
                f"dataset {chosen} of {path} points into another file",
                given="an HDF5 external link",
                expected="a dataset stored in the file itself",
                fix="open the other file, or copy the dataset into this one",
            )
        stored = file[chosen]
        size = _voxel_size(stored.attrs.get("voxel_size_nm_zyx", file.attrs.get("voxel_size_nm_zyx")))
        shape, dtype = stored.shape, stored.dtype

    def read(start: int, stop: int) -> NDArray[Any]:
        with h5py.File(path, "r") as reopened:
            return np.asarray(reopened[chosen][start:stop])

    return Volume(f"{path}:{chosen}", _three_axes(f"{path}:{chosen}", shape), dtype, size, read)


def _open_zarr(path: Path, name: str | None, default: str | None) -> Volume:
    group = zarr.open_group(path, mode="r")
    chosen = _choose(path, name, default, list(group.array_keys()))
    stored: Any = group[chosen]
    size = _voxel_size(stored.attrs.get("voxel_size_nm_zyx", group.attrs.get("voxel_size_nm_zyx")))

    def read(start: int, stop: int) -> NDArray[Any]:
        return np.asarray(stored[start:stop])

    return Volume(f"{path}:{chosen}", _three_axes(f"{path}:{chosen}", stored.shape), stored.dtype, size, read)


_OPENERS = {".h5": _open_hdf5, ".hdf5": _open_hdf5, ".hdf": _open_hdf5, ".zarr": _open_zarr}


def _choose(path: Path, name: str | None, default: str | None, names: list[str]) -> str:
    if name is None:
        name = names[0] if len(names) == 1 else default
    if name is None or name.strip("/") not in names:
        raise InputError(
            f"dataset not found in {path}",
            given=name or "no dataset",
            expected=f"one of {', '.join(names) or 'none: the file holds no dataset'}",
            fix=f"write {path}:{names[0] if names else 'DATASET'}",
        )
    return name.strip("/")


def _three_axes(spec: str, shape: tuple[int, ...]) -> tuple[int, int, int]:
    if len(shape) != 3:
        raise InputError(
            f"{spec} is not a volume", given=f"shape {shape}", expected="three axes: z, y, x", fix="store it as zyx"
        )
    return shape[0], shape[1], shape[2]


def _voxel_size(stored: Any) -> VoxelSize | None:
    if stored is None:
        return None
    z, y, x = (float(value) for value in stored)
    return z, y, x
