"""A picture of axons: the longest ones, seen along z, y and x."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fastremap
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from loop.atomic import replacing
from loop.progress import Progress, silent
from loop.volume import Volume, VoxelSize
from tracing.axons import Axon
from tracing.colours import bytes_of

SHOWN = 24
_NAMED = 12
_SIDE_PX = 900
"""Of the views together, the larger side."""
_MARGIN_PX, _LINE_PX, _LEGEND_PX = 16, 18, 190
_DARKEST = 0.35
"""Brightness of what lies deepest."""


def write_picture(
    path: Path, labels: Volume, axons: Sequence[Axon], voxel_size_nm_zyx: VoxelSize, *, progress: Progress = silent
) -> None:
    """Draw the first of `axons` as they are seen from three sides: what lies in front covers what lies behind.

    Top left along z, right of it along x (z to the right), below along y (z downwards), all at one scale, with a scale
    bar. Sections before the first of them and after the last are left out. A section is in memory at a time.
    """
    views = _Views(labels.shape, np.array([axon.axon for axon in axons[:SHOWN]], np.uint64))
    for z in range(labels.shape[0]):
        views.add(z, labels.section(z))
        progress(z + 1, labels.shape[0], f"drawing {path.name}")
    reached = views.reached
    extents = (reached.stop - reached.start, *labels.shape[1:])
    depth_nm, height_nm, width_nm = (n * size for n, size in zip(extents, voxel_size_nm_zyx, strict=True))
    px_per_nm = _SIDE_PX / max(width_nm + depth_nm, height_nm + depth_nm)
    depth, height, width = (max(round(extent * px_per_nm), 1) for extent in (depth_nm, height_nm, width_nm))
    right, below = width + 2 * _MARGIN_PX, height + 2 * _MARGIN_PX
    lower = max(depth, (_NAMED + 2) * _LINE_PX)
    sheet = Image.new("RGB", (right + max(depth, _LEGEND_PX) + _MARGIN_PX, below + lower + _MARGIN_PX), "white")
    panels = (
        (views.along_z, (width, height), (_MARGIN_PX, _MARGIN_PX)),
        (views.along_x[reached].transpose(1, 0, 2), (depth, height), (right, _MARGIN_PX)),
        (views.along_y[reached], (width, depth), (_MARGIN_PX, below)),
    )
    for seen, size, corner in panels:
        sheet.paste(Image.fromarray(_painted(seen, axons)).resize(size, Image.Resampling.NEAREST), corner)
    _explain(ImageDraw.Draw(sheet), (right, below), axons[:_NAMED], px_per_nm)
    with replacing(path) as temporary:
        sheet.save(temporary, format="PNG")


def _explain(drawing: ImageDraw.ImageDraw, corner: tuple[int, int], axons: Sequence[Axon], px_per_nm: float) -> None:
    """Write a scale bar and the names of the longest, downwards from a corner."""
    font, (x, y) = ImageFont.load_default(size=12), corner
    bar_nm = 10 ** np.floor(np.log10(0.9 * _LEGEND_PX / px_per_nm))
    drawing.rectangle((x, y, x + round(bar_nm * px_per_nm), y + 3), fill="black")
    drawing.text((x, y + 6), f"{bar_nm / 1e3:g} um", fill="black", font=font)
    for line, axon in enumerate(axons, start=2):
        top = y + line * _LINE_PX
        drawing.rectangle((x, top, x + 12, top + 12), fill=bytes_of(axon.axon))
        drawing.text((x + 20, top), f"axon {axon.axon}: {axon.length_um:.1f} um", fill="black", font=font)


class _Views:
    """Some axons seen from three sides: at each point the number of the one in front, and how deep it lies."""

    def __init__(self, shape: tuple[int, int, int], shown: NDArray[np.uint64]) -> None:
        n_sections, height, width = shape
        self._numbers = {axon: number for number, axon in enumerate(shown.tolist(), start=1)}
        self._along_z, self.along_y, self.along_x = (
            np.zeros((*plane, 2), np.float32) for plane in ((height, width), (n_sections, width), (n_sections, height))
        )

    def add(self, z: int, section: NDArray[Any]) -> None:
        """Look at section `z`, after those before it."""
        ids, places = fastremap.unique(section, return_inverse=True)
        numbers = np.array([self._numbers.get(one, 0) for one in ids.tolist()], np.uint8)
        number = numbers[places].reshape(section.shape)
        seen = number > 0
        free = (self._along_z[..., 0] == 0) & seen
        self._along_z[free, 0], self._along_z[free, 1] = number[free], z
        for view, axis in ((self.along_y, 0), (self.along_x, 1)):
            first = seen.argmax(axis=axis)
            view[z, :, 0] = np.take_along_axis(number, np.expand_dims(first, axis), axis).squeeze(axis)
            view[z, :, 1] = first / section.shape[axis]

    @property
    def along_z(self) -> NDArray[np.float32]:
        """The view along z; the first section that is reached is in front, the last at the back."""
        deep = (self._along_z[..., 1] - self.reached.start) / max(self.reached.stop - self.reached.start - 1, 1)
        return np.stack([self._along_z[..., 0], np.maximum(deep, 0)], axis=-1)

    @property
    def reached(self) -> slice:
        """Sections from the first to the last that any of them reaches; all where none does."""
        found = np.flatnonzero(self.along_y[..., 0].any(axis=1))
        return slice(int(found[0]), int(found[-1]) + 1) if len(found) else slice(0, len(self.along_y))


def _painted(seen: NDArray[Any], axons: Sequence[Axon]) -> NDArray[np.uint8]:
    colours = np.array([(0, 0, 0), *(bytes_of(axon.axon) for axon in axons[:SHOWN])], np.float32)
    brightness = 1 - (1 - _DARKEST) * seen[..., 1:]
    return np.asarray(colours[seen[..., 0].astype(np.int64)] * brightness, np.uint8)
