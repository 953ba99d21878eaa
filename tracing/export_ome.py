"""OME-Zarr 0.4: labels in several resolutions, with colours and the table of axons."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from loop.volume_stored import VoxelSize
from tracing.axons import Axon
from tracing.colours import bytes_of
from tracing.resolutions import SLAB_SECTIONS, halved, resolutions_of

_CHUNK_PX = 256
_VERSION = "0.4"
_COMPRESSION: Any = {"id": "blosc", "cname": "zstd", "clevel": 3, "shuffle": 1, "blocksize": 0}
"""One that every reader has."""


class OmeWriter:
    """A label image in OME-Zarr, filled slab by slab.

    Parameters
    ----------
    folder : Path
        New, or empty.
    shape : tuple of int
        Of the labels, zyx.
    dtype : numpy dtype
        Unsigned; it is kept.
    voxel_size_nm_zyx : tuple of float
        Size of a voxel.
    axons : sequence of Axon
        They get a colour each, and their measures as properties.
    """

    def __init__(
        self,
        folder: Path,
        shape: tuple[int, int, int],
        dtype: np.dtype[Any],
        *,
        voxel_size_nm_zyx: VoxelSize,
        axons: Sequence[Axon],
    ) -> None:
        shapes = resolutions_of(shape)
        attributes: dict[str, Any] = {
            "multiscales": [_multiscale(len(shapes), voxel_size_nm_zyx)],
            "image-label": {
                "version": _VERSION,
                "colors": [{"label-value": axon.axon, "rgba": [*bytes_of(axon.axon), 255]} for axon in axons],
                "properties": [
                    {"label-value": axon.axon, **axon.model_dump(exclude={"axon"}, exclude_none=True)} for axon in axons
                ],
            },
        }
        group = zarr.open_group(folder, mode="a", zarr_format=2, attributes=attributes)
        self._arrays = [
            group.create_array(
                str(level),
                shape=extent,
                dtype=dtype,
                chunks=(SLAB_SECTIONS, min(_CHUNK_PX, extent[1]), min(_CHUNK_PX, extent[2])),
                chunk_key_encoding={"name": "v2", "separator": "/"},
                compressors=_COMPRESSION,
            )
            for level, extent in enumerate(shapes)
        ]

    def write(self, start: int, labels: NDArray[Any]) -> None:
        """Write sections from `start` on, a multiple of `SLAB_SECTIONS`: that many, or up to the last."""
        for array in self._arrays:
            array[start : start + len(labels)] = labels
            labels = halved(labels)


def _multiscale(levels: int, size: VoxelSize) -> dict[str, Any]:
    def datasets() -> list[dict[str, Any]]:
        found = []
        for level in range(levels):
            scale = [size[0], size[1] * 2**level, size[2] * 2**level]
            # the middle of a coarse pixel lies between those of the fine ones that it stands for
            shift = [0.0, *(extent * (2**level - 1) / 2 for extent in size[1:])]
            steps = [{"type": "scale", "scale": scale}, {"type": "translation", "translation": shift}]
            found.append({"path": str(level), "coordinateTransformations": steps})
        return found

    return {
        "version": _VERSION,
        "name": "axons",
        "axes": [{"name": name, "type": "space", "unit": "nanometer"} for name in "zyx"],
        "datasets": datasets(),
        "type": "mode",
    }
