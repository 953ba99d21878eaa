"""A picture of axons: the longest ones, seen along z, y and x."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from loop.atomic import replacing
from loop.progress import Progress, silent
from loop.volume import Volume, VoxelSize
from tracing.axons import Axon
from tracing.colours import colour_of

SHOWN = 24
_INCHES = 7.0
_DARKEST = 0.35
"""Brightness of what lies deepest."""


def write_picture(
    path: Path, labels: Volume, axons: Sequence[Axon], voxel_size_nm_zyx: VoxelSize, *, progress: Progress = silent
) -> None:
    """Draw the first of `axons` as they are seen from three sides: what lies in front covers what lies behind.

    A section is in memory at a time. Axes are in micrometres.
    """
    views = _Views(labels.shape, np.array([axon.axon for axon in axons[:SHOWN]], np.uint64))
    for z in range(labels.shape[0]):
        views.add(z, labels.section(z))
        progress(z + 1, labels.shape[0], f"drawing {path.name}")
    depth_um, height_um, width_um = (n * size / 1e3 for n, size in zip(labels.shape, voxel_size_nm_zyx, strict=True))
    scale = _INCHES / max(width_um + depth_um, height_um + depth_um)
    figure = Figure(figsize=(scale * (width_um + depth_um) + 2.4, scale * (height_um + depth_um) + 0.9))
    grid = figure.add_gridspec(2, 2, width_ratios=(width_um, depth_um), height_ratios=(height_um, depth_um))
    panels = (
        (grid[0, 0], views.along_z, (0, width_um, height_um, 0), "x", "y"),
        (grid[0, 1], views.along_x.transpose(1, 0, 2), (0, depth_um, height_um, 0), "z", "y"),
        (grid[1, 0], views.along_y, (0, width_um, depth_um, 0), "x", "z"),
    )
    for place, seen, extent, across, down in panels:
        axes = figure.add_subplot(place)
        axes.imshow(_painted(seen, axons), extent=extent, aspect="equal", interpolation="nearest")
        axes.set_xlabel(f"{across}, um")
        axes.set_ylabel(f"{down}, um")
    handles = [Patch(color=colour_of(axon.axon), label=f"{axon.axon}: {axon.length_um:.1f} um") for axon in axons[:12]]
    figure.legend(handles=handles, loc="lower right", fontsize="x-small", title="axon", frameon=False)
    figure.set_layout_engine("constrained")
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)


class _Views:
    """Some axons seen from three sides: at each point the number of the one in front, and how deep it lies."""

    def __init__(self, shape: tuple[int, int, int], shown: NDArray[np.uint64]) -> None:
        n_sections, height, width = shape
        self._order = np.argsort(shown)
        self._known = shown[self._order]
        self.along_z, self.along_y, self.along_x = (
            np.zeros((*plane, 2)) for plane in ((height, width), (n_sections, width), (n_sections, height))
        )

    def add(self, z: int, section: NDArray[Any]) -> None:
        """Look at section `z`, after those before it."""
        at = np.searchsorted(self._known, section).clip(max=len(self._known) - 1)
        number = np.where(self._known[at] == section, self._order[at] + 1, 0)
        free = (self.along_z[..., 0] == 0) & (number > 0)
        self.along_z[free, 0], self.along_z[free, 1] = number[free], z / max(len(self.along_y) - 1, 1)
        for view, axis in ((self.along_y, 0), (self.along_x, 1)):
            first = (number > 0).argmax(axis=axis)
            view[z, :, 0] = np.take_along_axis(number, np.expand_dims(first, axis), axis).squeeze(axis)
            view[z, :, 1] = first / section.shape[axis]


def _painted(seen: NDArray[Any], axons: Sequence[Axon]) -> NDArray[np.float64]:
    colours = np.array([(0.0, 0.0, 0.0), *(colour_of(axon.axon) for axon in axons[:SHOWN])])
    brightness = 1 - (1 - _DARKEST) * seen[..., 1:]
    return np.asarray(colours[seen[..., 0].astype(np.int64)] * brightness)
