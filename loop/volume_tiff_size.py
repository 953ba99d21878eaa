"""The sizes that ImageJ and OME write into TIFF files: of a voxel, and of the stack."""

from math import prod
from typing import Any

import tifffile

from loop.volume_size import voxel_size
from loop.volume_stored import VoxelSize

_OME_DEFAULT_UNIT = "um"


def tiff_voxel_size(file: tifffile.TiffFile, spec: str) -> VoxelSize | None:
    """Give `(z, y, x)` nm from a file's OME or ImageJ metadata, None where they lack an extent or its unit.

    Plain TIFF says nothing of z, so its resolution is not looked at.

    Raises
    ------
    InputError
        If an extent is not positive.
    """
    if file.ome_metadata:
        return _ome(file.ome_metadata, spec)
    written = file.imagej_metadata
    if not written:
        return None
    tags = file.pages.first.tags
    y, x = (_extent(tags, name) for name in ("YResolution", "XResolution"))
    return voxel_size((written.get("spacing"), y, x), (written.get("unit"),) * 3, spec=spec)


def claimed_sections(file: tifffile.TiffFile) -> int:
    """Give the planes that a file's OME metadata claim, for which tifffile makes a list; 0 where it has none."""
    pixels = _ome_pixels(file.ome_metadata) if file.ome_metadata else {}
    return prod(int(pixels[f"Size{axis}"]) for axis in "ZCT" if f"Size{axis}" in pixels) if pixels else 0


def _extent(tags: tifffile.TiffTags, name: str) -> float | None:
    """Give the extent of a pixel in the file's unit; TIFF stores pixels a unit, as a fraction."""
    if name not in tags:
        return None
    pixels, units = tags[name].value
    return units / pixels if pixels else None


def _ome(xml: str, spec: str) -> VoxelSize | None:
    pixels = _ome_pixels(xml)
    extents = [pixels.get(f"PhysicalSize{axis}") for axis in "ZYX"]
    units = [pixels.get(f"PhysicalSize{axis}Unit", _OME_DEFAULT_UNIT) for axis in "ZYX"]
    return voxel_size(extents, units, spec=spec)


def _ome_pixels(xml: str) -> dict[str, Any]:
    """Give the description of the first image."""
    images = tifffile.xml2dict(xml)["OME"].get("Image", {})
    image = images[0] if isinstance(images, list) else images
    pixels: dict[str, Any] = image.get("Pixels", {})
    return pixels
