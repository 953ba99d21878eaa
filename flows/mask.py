"""`proofloop mask`: masks drawn in a few sections become a mask of the whole volume."""

import re
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np
from PIL import Image, UnidentifiedImageError
from pydantic import BaseModel, ConfigDict

from annotation.exported import read_export
from loop.atomic import replacing
from loop.errors import InputError
from loop.progress import Progress, silent
from loop.section_range import format_sections
from loop.volume import Volume
from tracing.masks import Mask, MaskConfig, box_of, masks_between


class Masked(BaseModel):
    """What `proofloop mask` did."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    out: str
    """The HDF5 file: dataset `mask`, uint8, 1 inside."""
    drawn: str
    """Sections that were drawn."""
    masked: str
    """Sections that have a mask, from the first drawn to the last."""
    box_px: tuple[int, int, int, int]
    """Top, left, bottom, right of all masks together."""


def drawn_masks(path: Path, volume: Volume) -> dict[int, Mask]:
    """Read masks drawn in some sections: a folder of pictures, or polygons and brush strokes of a Label Studio export.

    The last number of a picture's name is the section, and what is not black is the mask.
    """
    return read_export(path, volume.shape).masks if path.suffix == ".json" else _pictures(path, volume)


def _pictures(folder: Path, volume: Volume) -> dict[int, Mask]:
    drawn: dict[int, Mask] = {}
    for path in sorted(folder.glob("*.png")):
        numbers = re.findall(r"\d+", path.stem)
        try:
            with Image.open(path) as picture:
                mask = np.asarray(picture.convert("RGB")).any(axis=2)
        except (OSError, UnidentifiedImageError) as error:
            raise _unusable(path, str(error)) from error
        if not numbers or int(numbers[-1]) >= volume.shape[0] or int(numbers[-1]) in drawn:
            raise _unusable(path, f"number {numbers[-1] if numbers else 'none'}")
        if mask.shape != volume.shape[1:]:
            raise _unusable(path, f"{mask.shape[0]} x {mask.shape[1]} px for sections of {volume.shape[1:]}")
        if mask.any():
            drawn[int(numbers[-1])] = mask
    return drawn


def write_mask(
    out: Path, drawn: Mapping[int, Mask], volume: Volume, config: MaskConfig, *, progress: Progress = silent
) -> Masked:
    """Write the mask of every section of a volume, whole or not at all.

    Parameters
    ----------
    out : Path
        An HDF5 file.
    drawn : mapping of section to bool array (y, x)
        What was drawn; before the first and after the last the mask is 0.
    volume : Volume
        Its shape and voxel size are the mask's.
    config : MaskConfig
        How masks lie between the drawn ones, and what is made of them.
    progress : Progress
        Hears of the sections done.
    """
    boxes = []
    with replacing(out) as temporary, h5py.File(temporary, "w") as file:
        chunks = (1, *volume.shape[1:])
        stored = file.create_dataset("mask", volume.shape, np.uint8, chunks=chunks, compression="gzip", shuffle=True)
        if volume.voxel_size_nm_zyx:
            stored.attrs["voxel_size_nm_zyx"] = volume.voxel_size_nm_zyx
        for done, (z, mask) in enumerate(masks_between(drawn, config), start=1):
            stored[z] = mask
            if mask.any():
                boxes.append(box_of(mask))
            progress(done, max(drawn) - min(drawn) + 1)
    top, left, bottom, right = zip(*boxes, strict=True)
    return Masked(
        out=str(out),
        drawn=format_sections(drawn),
        masked=f"{min(drawn)}:{max(drawn) + 1}",
        box_px=(min(top), min(left), max(bottom), max(right)),
    )


def _unusable(path: Path, given: str) -> InputError:
    return InputError(
        f"{path} is no drawn mask of this volume",
        given=given,
        expected="a PNG as large as a section, its last number that of the section, each number once, counted from 0",
        fix="rename the picture, or draw it on the volume's own sections",
    )
