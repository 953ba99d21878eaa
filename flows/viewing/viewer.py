"""Neuroglancer on loopback, its page included: nothing is asked of the internet, nothing is copied or converted."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import neuroglancer
import numpy as np
from neuroglancer import skeleton

from annotation.ports import HOST, choose_port
from flows.viewing.layers import Segmentation, Shown
from flows.viewing.sections import KeptSections
from loop.places import Place
from loop.volume import VoxelSize

_MEMBRANE = "#uicontrol invlerp normalized\nvoid main() { emitRGBA(vec4(1.0, 0.35, 0.1, normalized())); }\n"
_MICROMETRES = neuroglancer.CoordinateSpace(names=["x", "y", "z"], units="um", scales=[1, 1, 1])


@contextmanager
def viewed(shown: Shown, *, at_zyx: tuple[int, int, int] | None = None, port: int | None = None) -> Iterator[str]:
    """Serve volumes while the block runs, and give the address of the page that shows them.

    Parameters
    ----------
    shown : Shown
        What is to be seen.
    at_zyx : tuple of int, optional
        Voxel in the middle of the page; default: the middle of the volume.
    port : int, optional
        On loopback; default: a free one.

    Raises
    ------
    ServerUnavailable
        The port is taken.
    """
    neuroglancer.set_server_bind_address(HOST, choose_port(port, None))
    viewer = neuroglancer.Viewer()
    try:
        with viewer.txn() as state:
            _fill(state, shown, at_zyx or tuple(extent // 2 for extent in shown.image.shape))
        yield viewer.get_viewer_url()
    finally:
        neuroglancer.stop()


def _fill(state: Any, shown: Shown, at_zyx: tuple[int, ...]) -> None:
    size = shown.voxel_size_nm_zyx
    z, y, x = at_zyx
    state.dimensions = _voxels("xyz", size)
    state.position = [x + 0.5, y + 0.5, z + 0.5]
    state.layout = "4panel"
    state.layers["image"] = neuroglancer.ImageLayer(source=_local(shown.image, size, "image"))
    if shown.membrane is not None:
        state.layers["membrane"] = neuroglancer.ImageLayer(
            source=_local(shown.membrane, size, "image"), shader=_MEMBRANE, opacity=0.6
        )
    for layer in shown.segmentations:
        state.layers.append(name=layer.name, layer=_segmentation(layer, size), visible=layer.visible)
    if shown.asked:
        state.layers.append(name="asked of annotators", layer=_boxes(shown, size), visible=shown.asked_at_first)


def _segmentation(layer: Segmentation, size: VoxelSize | None) -> Any:
    # meshes off: the library would make them of the whole volume in memory
    labels = neuroglancer.LayerDataSource(
        url=_local(layer.labels, size, "segmentation"),
        enable_default_subsources=False,
        subsources={"default": True, "bounds": True},
    )
    lines = [_Skeletons(layer.skeletons)] if layer.skeletons and size else []
    return neuroglancer.SegmentationLayer(source=[labels, *lines], segments=layer.chosen, selected_alpha=0.4)


def _local(volume: Any, size: VoxelSize | None, kind: str) -> Any:
    return neuroglancer.LocalVolume(
        KeptSections(volume),
        dimensions=_voxels("zyx", size),
        volume_type=kind,
        downsampling="2d",
        chunk_layout="isotropic",
    )


def _voxels(axes: str, size: VoxelSize | None) -> Any:
    """Give the space whose units are voxels; without a voxel size they have no length."""
    if size is None:
        return neuroglancer.CoordinateSpace(names=list(axes), units="", scales=[1, 1, 1])
    along = dict(zip("zyx", size, strict=True))
    return neuroglancer.CoordinateSpace(names=list(axes), units="nm", scales=[along[axis] for axis in axes])


def _boxes(shown: Shown, size: VoxelSize | None) -> Any:
    boxes = [_box(place, shown.image.shape) for place in shown.asked]
    return neuroglancer.LocalAnnotationLayer(dimensions=_voxels("xyz", size), annotations=boxes)


def _box(place: Place, shape: tuple[int, int, int]) -> Any:
    rows, columns = place.tile.window if place.tile else (slice(0, shape[1]), slice(0, shape[2]))
    return neuroglancer.AxisAlignedBoundingBoxAnnotation(
        id=str(place),
        point_a=[columns.start, rows.start, place.z],
        point_b=[columns.stop, rows.stop, place.z + 1],
        description=f"section {place}",
    )


class _Skeletons(skeleton.SkeletonSource):  # type: ignore[misc]  # the library finds skeletons by a method of a subclass
    """SWC files of a folder, by id."""

    def __init__(self, folder: Path) -> None:
        super().__init__(_MICROMETRES)
        self._folder = folder

    def get_skeleton(self, object_id: int) -> Any:
        """Read the file of an id; None where it has none."""
        file = self._folder / f"{object_id}.swc"
        if not file.exists():
            return None
        rows = np.loadtxt(file, ndmin=2)
        parents = rows[:, 6].astype(int)
        edges = np.column_stack([np.flatnonzero(parents > 0), parents[parents > 0] - 1])
        return skeleton.Skeleton(vertex_positions=rows[:, 2:5].astype(np.float32), edges=edges.astype(np.uint32))
