"""A finished prediction as one HDF5 file."""

from pathlib import Path
from typing import Any

import h5py
import zarr

from loop.atomic import replacing
from loop.predictions import PredictionStore
from loop.progress import Progress, silent


def write_hdf5(path: Path, store: PredictionStore, *, attributes: dict[str, str], progress: Progress = silent) -> None:
    """Copy a store into an HDF5 file, whole or not at all, a section at a time.

    Each dataset keeps its name, type and voxel size, in compressed chunks of one section; sections that were not
    predicted take no room. `attributes` are set on the file.
    """
    group: Any = zarr.open_group(store.path, mode="r")
    predicted = group["predicted"][:]
    with replacing(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs.update(attributes)
        file["predicted"] = predicted
        for name in store.arrays:
            source = group[name]
            target = file.create_dataset(
                name, source.shape, source.dtype, chunks=source.chunks, compression="gzip", compression_opts=1
            )
            target.attrs.update(source.attrs)
        sections = predicted.nonzero()[0]
        for done, z in enumerate(sections, start=1):
            for name in store.arrays:
                file[name][z] = group[name][z]
            progress(done, len(sections), f"writing {path.name}")
