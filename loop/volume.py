"""The one door to stored volumes: `path[:dataset]` in, lazily read sections out."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from loop.errors import InputError
from loop.volume_stored import Volume, VoxelSize

__all__ = ["Volume", "VoxelSize", "open_image", "open_labels", "open_volume", "require_equal_shape"]

_HDF5, _TIFF = (".h5", ".hdf5", ".hdf"), (".tif", ".tiff")


def open_volume(spec: str | Path, *, dataset: str | None = None) -> Volume:
    """Open a volume named by `path[:dataset]`.

    Parameters
    ----------
    spec : str or Path
        HDF5 file or Zarr folder, optionally followed by `:dataset`; multi-page TIFF; folder of PNG or TIFF sections.
    dataset : str, optional
        The dataset to take where `spec` names none and the file holds several; a file's only one is taken anyway.

    Returns
    -------
    Volume
        Only headers have been read.

    Raises
    ------
    InputError
        If the file, the dataset or three axes are missing, the format is unknown, or voxels lie outside the path.
    """
    path, name = _split(str(spec))
    if not path.exists():
        raise InputError(
            "volume not found",
            given=path,
            expected="an existing HDF5 or TIFF file, Zarr folder or folder of sections",
            fix="check the path",
        )
    return _opener(path)(path, name, dataset)


def _opener(path: Path) -> Callable[[Path, str | None, str | None], Volume]:
    """Choose who reads a file or folder; the libraries of the other formats are not imported."""
    if path.is_dir():
        from loop.volume_zarr import is_zarr, open_zarr

        if is_zarr(path):
            return open_zarr
        from loop.volume_folder import open_folder

        return open_folder
    if path.suffix.lower() in _HDF5:
        from loop.volume_hdf5 import open_hdf5

        return open_hdf5
    if path.suffix.lower() in _TIFF:
        from loop.volume_tiff import open_tiff

        return open_tiff
    raise InputError(
        "volume format not known",
        given=path,
        expected=f"a folder (Zarr, or PNG or TIFF sections), or a name that ends in {', '.join([*_HDF5, *_TIFF])}",
        fix="convert the volume to HDF5, for instance with h5py",
    )


def require_equal_shape(first: Volume, second: Volume) -> None:
    """Refuse two volumes of different shape."""
    if first.shape != second.shape:
        raise InputError(
            f"{first.spec} and {second.spec} differ in shape",
            given=f"{first.shape} and {second.shape}",
            expected="the same (z, y, x)",
            fix="crop or pad one of them to the other's voxels",
        )


def open_image(spec: str | Path, *, dataset: str = "raw") -> Volume:
    """Open an EM image: uint8 `(z, y, x)`."""
    volume = open_volume(spec, dataset=dataset)
    if volume.dtype != np.uint8:
        raise InputError(
            f"image {volume.spec} has the wrong type",
            given=volume.dtype,
            expected="uint8 grey values, 0 to 255; other types are not rescaled here, since their range is not known",
            fix="name the image's dataset, if this is another; or store its greys mapped onto 0 to 255, for instance by"
            " numpy.interp(section, (darkest, brightest), (0, 255)).astype('uint8')",
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
