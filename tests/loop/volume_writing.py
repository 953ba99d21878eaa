"""Writers of one volume in every format that the door opens, by the libraries that people write them with."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import tifffile
import zarr
from numpy.typing import NDArray
from PIL import Image

Voxels = NDArray[Any]
Writer = Callable[[Path, Voxels], Path]
MULTISCALE: dict[str, Any] = {
    "axes": [{"name": axis, "type": "space", "unit": "micrometer"} for axis in "zyx"],
    "datasets": [
        {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [0.03, 0.006, 0.006]}]},
        {"path": "1", "coordinateTransformations": [{"type": "scale", "scale": [0.03, 0.012, 0.012]}]},
    ],
}


def write_hdf5(folder: Path, voxels: Voxels) -> Path:
    with h5py.File(folder / "v.h5", "w") as file:
        file.create_dataset("raw", data=voxels, chunks=(1, *voxels.shape[1:]))
    return folder / "v.h5"


def write_zarr2(folder: Path, voxels: Voxels) -> Path:
    zarr.create_array(folder / "v2.zarr", data=voxels, chunks=(1, *voxels.shape[1:]), zarr_format=2)
    return folder / "v2.zarr"


def write_zarr3(folder: Path, voxels: Voxels) -> Path:
    group = zarr.create_group(folder / "v3.zarr", zarr_format=3)
    group.create_array("raw", data=voxels, chunks=(1, *voxels.shape[1:]))
    return folder / "v3.zarr"


def write_ome_zarr(folder: Path, voxels: Voxels) -> Path:
    group = zarr.create_group(folder / "v.ome.zarr", zarr_format=2)
    group.attrs["multiscales"] = [MULTISCALE]
    group.create_array("0", data=voxels, chunks=(1, *voxels.shape[1:]))
    group.create_array("1", data=voxels[:, ::2, ::2], chunks=(1, *voxels[:, ::2, ::2].shape[1:]))
    return folder / "v.ome.zarr"


def write_tiff(folder: Path, voxels: Voxels) -> Path:
    tifffile.imwrite(folder / "v.tif", voxels, photometric="minisblack")
    return folder / "v.tif"


def write_lzw_tiff(folder: Path, voxels: Voxels) -> Path:
    tifffile.imwrite(folder / "lzw.tif", voxels, photometric="minisblack", compression="lzw", byteorder=">")
    return folder / "lzw.tif"


def write_page_by_page(folder: Path, voxels: Voxels) -> Path:
    with tifffile.TiffWriter(folder / "pages.tif") as file:
        for section in voxels:
            file.write(section, photometric="minisblack", compression="zlib")
    return folder / "pages.tif"


def write_png_folder(folder: Path, voxels: Voxels) -> Path:
    (folder / "png").mkdir(exist_ok=True)
    for z, section in enumerate(voxels):
        Image.fromarray(section).save(folder / "png" / f"section_{z + 8}.png")
    return folder / "png"


def write_tiff_folder(folder: Path, voxels: Voxels) -> Path:
    (folder / "tiff").mkdir(exist_ok=True)
    for z, section in enumerate(voxels):
        tifffile.imwrite(folder / "tiff" / f"s{z:03d}.tiff", section, photometric="minisblack")
    return folder / "tiff"


def write_vast_folder(folder: Path, voxels: Voxels) -> Path:
    (folder / "vast").mkdir(exist_ok=True)
    for z, section in enumerate(voxels.astype(np.uint8)):
        Image.fromarray(np.repeat(section[..., None], 3, axis=-1)).save(folder / "vast" / f"export_s{z:02d}.png")
    return folder / "vast"


WRITERS: tuple[Writer, ...] = (
    write_hdf5,
    write_zarr2,
    write_zarr3,
    write_ome_zarr,
    write_tiff,
    write_lzw_tiff,
    write_page_by_page,
    write_png_folder,
    write_tiff_folder,
)
