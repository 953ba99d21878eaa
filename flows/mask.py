"""`proofloop mask`: masks drawn in a few sections become a mask of the whole volume."""

import csv
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
from tracing.masks import Mask, MaskConfig, box_of, crop_windows, masks_between

_STEP_PX = 16
"""Crop windows lie at multiples of this, so that they rest for a while."""


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
    windows: str | None
    """CSV z,top,left: a window of one size for every masked section that drifts with the mask, if it was asked for."""


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
    out: Path,
    drawn: Mapping[int, Mask],
    volume: Volume,
    config: MaskConfig,
    *,
    window_px: tuple[int, int] | None = None,
    progress: Progress = silent,
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
    window_px : (height, width), optional
        Also where a crop window of this size lies in each section, as `OUT.windows.csv`.
    progress : Progress
        Hears of the sections done.
    """
    boxes: dict[int, tuple[int, int, int, int]] = {}
    with replacing(out) as temporary, h5py.File(temporary, "w") as file:
        chunks = (1, *volume.shape[1:])
        stored = file.create_dataset("mask", volume.shape, np.uint8, chunks=chunks, compression="gzip", shuffle=True)
        if volume.voxel_size_nm_zyx:
            stored.attrs["voxel_size_nm_zyx"] = volume.voxel_size_nm_zyx
        for done, (z, mask) in enumerate(masks_between(drawn, config), start=1):
            stored[z] = mask
            if mask.any():
                boxes[z] = box_of(mask)
            progress(done, max(drawn) - min(drawn) + 1)
        windows = _write_windows(out, boxes, window_px, volume.shape[1:]) if window_px else None
    top, left, bottom, right = zip(*boxes.values(), strict=True)
    return Masked(
        out=str(out),
        drawn=format_sections(drawn),
        masked=f"{min(drawn)}:{max(drawn) + 1}",
        box_px=(min(top), min(left), max(bottom), max(right)),
        windows=str(windows) if windows else None,
    )


def parse_window(text: str) -> tuple[int, int]:
    """Read `HEIGHT,WIDTH` in px."""
    try:
        height, width = (int(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(
            "size of the crop window cannot be read",
            given=repr(text),
            expected="two whole numbers of pixels: HEIGHT,WIDTH",
            fix="write for instance --window 512,512",
        ) from error
    return height, width


def _write_windows(
    out: Path, boxes: Mapping[int, tuple[int, int, int, int]], size_px: tuple[int, int], shape: tuple[int, int]
) -> Path:
    corners = crop_windows(np.array([*boxes.values()], np.int64), size_px, shape, step_px=_STEP_PX)
    path = out.with_suffix(".windows.csv")
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(("z", "top", "left"))
        table.writerows((z, *corner) for z, corner in zip(boxes, corners.tolist(), strict=True))
    return path


def _unusable(path: Path, given: str) -> InputError:
    return InputError(
        f"{path} is no drawn mask of this volume",
        given=given,
        expected="a PNG as large as a section, its last number that of the section, each number once, counted from 0",
        fix="rename the picture, or draw it on the volume's own sections",
    )
