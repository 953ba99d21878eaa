"""Neuroglancer's precomputed format, written by cloud-volume; the only place where its order, xyz, is used."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from loop.volume_stored import VoxelSize
from tracing.axons import Axon
from tracing.extra import required
from tracing.resolutions import SLAB_SECTIONS, halved, resolutions_of
from tracing.skeleton import Skeleton

_CHUNK_PX = 128
_PROPERTIES = "segment_properties"
_RADIUS = {"id": "radius", "data_type": "float32", "num_components": 1}
_VIEWER = "https://neuroglancer-demo.appspot.com/#!"
_PORT = 1337
_SHOWN = 20


class PrecomputedWriter:
    """A folder in precomputed format, filled slab by slab.

    Parameters
    ----------
    folder : Path
        New, or empty.
    shape : tuple of int
        Of the labels, zyx.
    dtype : numpy dtype
        Unsigned; the format has 32 and 64 bits.
    voxel_size_nm_zyx : tuple of float
        Size of a voxel.
    """

    def __init__(
        self, folder: Path, shape: tuple[int, int, int], dtype: np.dtype[Any], voxel_size_nm_zyx: VoxelSize
    ) -> None:
        self._folder, self._dtype = folder, np.dtype(np.uint64 if dtype.itemsize == 8 else np.uint32)
        volume = required("cloudvolume").CloudVolume
        info = volume.create_new_info(
            num_channels=1,
            layer_type="segmentation",
            data_type=self._dtype.name,
            encoding="compressed_segmentation",
            resolution=list(voxel_size_nm_zyx[::-1]),
            voxel_offset=[0, 0, 0],
            volume_size=list(shape[::-1]),
            chunk_size=[_CHUNK_PX, _CHUNK_PX, SLAB_SECTIONS],
            skeletons="skeletons",
        )
        # any web server can hand out files that are not compressed once more
        self._volume = volume(
            _address(folder), info=info, compress=False, cdn_cache=False, progress=False, fill_missing=True
        )
        self._volume.info |= {"@type": "neuroglancer_multiscale_volume", _PROPERTIES: _PROPERTIES}
        self._levels = len(resolutions_of(shape))
        for level in range(1, self._levels):
            self._volume.add_scale((2**level, 2**level, 1), encoding="compressed_segmentation")
        self._volume.commit_info()

    def write(self, start: int, labels: NDArray[Any]) -> None:
        """Write sections from `start` on, a multiple of `SLAB_SECTIONS`: that many, or up to the last."""
        for level in range(self._levels):
            self._volume.mip = level
            slab = np.asfortranarray(labels.astype(self._dtype, copy=False).T)
            self._volume[:, :, start : start + slab.shape[2]] = slab[..., np.newaxis]
            labels = halved(labels)

    def write_skeletons(self, skeletons: Mapping[int, Skeleton]) -> None:
        """Write skeletons with their radii, xyz in nm."""
        osteoid = required("osteoid")
        source = self._volume.skeleton
        source.meta.info["vertex_attributes"] = [_RADIUS]
        source.meta.commit_info()
        for label, skeleton in skeletons.items():
            source.upload(
                osteoid.Skeleton(
                    vertices=skeleton.nodes_nm[:, ::-1].astype(np.float32),
                    edges=skeleton.edges.astype(np.uint32),
                    radii=skeleton.radii_nm.astype(np.float32),
                    segid=label,
                    extra_attributes=[_RADIUS],
                )
            )

    def write_properties(self, axons: Sequence[Axon]) -> None:
        """Write the table of axons: Neuroglancer lists, sorts and filters by it."""
        numbers = ("length_um", "volume_um3", "sections", "breaks", "mean_link_margin")
        properties: list[dict[str, Any]] = [
            {"id": "label", "type": "label", "values": [f"axon {axon.axon}" for axon in axons]}
        ]
        properties += [
            {
                "id": name,
                "type": "number",
                "data_type": "float32",
                "description": Axon.model_fields[name].description,
                "values": [getattr(axon, name) for axon in axons],
            }
            for name in numbers
            if all(getattr(axon, name) is not None for axon in axons)
        ]
        inline = {"ids": [str(axon.axon) for axon in axons], "properties": properties}
        (self._folder / _PROPERTIES).mkdir()
        (self._folder / _PROPERTIES / "info").write_text(
            json.dumps({"@type": "neuroglancer_segment_properties", "inline": inline}), encoding="utf-8"
        )


def how_to_open(folder: Path, axons: Sequence[Axon], voxel_size_nm_zyx: VoxelSize) -> list[str]:
    """Give a command that serves the folder, and the address that shows its longest axons in Neuroglancer."""
    first = axons[0]
    state = {
        "dimensions": {name: [size, "nm"] for name, size in zip("xyz", voxel_size_nm_zyx[::-1], strict=True)},
        "position": [first.x + 0.5, first.y + 0.5, first.z + 0.5],
        "layers": [
            {
                "type": "segmentation",
                "name": "axons",
                "source": f"precomputed://http://localhost:{_PORT}",
                "segments": [str(axon.axon) for axon in axons[:_SHOWN]],
            }
        ],
        "layout": "4panel",
    }
    serve = f"from cloudvolume import CloudVolume; CloudVolume('{_address(folder)}').viewer(port={_PORT})"
    return [f'python -c "{serve}"', _VIEWER + quote(json.dumps(state, separators=(",", ":")))]


def _address(folder: Path) -> str:
    """Give what cloud-volume calls the folder; it takes %20 for part of a name, not for a blank."""
    return f"file://{folder.absolute()}"
