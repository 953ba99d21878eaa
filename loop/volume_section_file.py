"""One section in one PNG or TIFF file: its header now, its voxels when asked for."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL.PngImagePlugin import PngImageFile

from loop.errors import InputError
from loop.volume_channels import one_channel
from loop.volume_limits import DEFLATE_RATIO_MOST, require_decodable
from loop.volume_tiff import open_tiff

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _COLOUR = 0, 2
_COLOUR_TYPES = {0: "grey", 2: "RGB", 3: "palette", 4: "grey with transparency", 6: "RGB with transparency"}


@dataclass(frozen=True)
class SectionFile:
    """A section's file, its `(y, x)` shape, the type of a voxel, and what reads its voxels."""

    path: Path
    shape: tuple[int, int]
    dtype: np.dtype[Any]
    read: Callable[[], NDArray[Any]]


def open_section_file(path: Path) -> SectionFile:
    """Read the header of a PNG or single-page TIFF file.

    Raises
    ------
    InputError
        If the file is damaged, or stores values that are not one grey value or id a pixel.
    """
    try:
        return _open_png(path) if path.suffix.lower() == ".png" else _open_single_page(path)
    except OSError as error:
        raise _unusable(path, str(error), "a readable file") from error


def _open_png(path: Path) -> SectionFile:
    with path.open("rb") as file:
        header = file.read(26)
    if len(header) < 26 or not header.startswith(_PNG_SIGNATURE):
        raise _unusable(path, "no PNG header", "a whole PNG file")
    width, height, bits, colour = struct.unpack(">IIBB", header[16:26])
    # Pillow narrows 16-bit colour to 8 bits and stretches 1, 2 and 4 bits over 0 to 255, which changes ids
    if (bits, colour) not in {(8, _GREY), (16, _GREY), (8, _COLOUR)}:
        raise _unusable(path, f"{bits}-bit {_COLOUR_TYPES.get(colour, 'unknown')}", "8- or 16-bit grey, or 8-bit RGB")

    n_bytes = height * width * bits // 8 * (3 if colour == _COLOUR else 1)
    if n_bytes > DEFLATE_RATIO_MOST * path.stat().st_size:
        raise _unusable(path, f"{width} x {height} px in {path.stat().st_size} bytes", "a whole PNG file")
    require_decodable(str(path), (n_bytes,), np.uint8)

    def read() -> NDArray[Any]:
        # not Image.open, which refuses sections of more than 179 Mpx as a possible attack
        with PngImageFile(path) as image:
            return one_channel(np.asarray(image), str(path))

    return SectionFile(path, (height, width), np.dtype(np.uint16 if bits == 16 else np.uint8), read)


def _open_single_page(path: Path) -> SectionFile:
    volume = open_tiff(path, None, None)
    if volume.shape[0] != 1:
        raise _unusable(path, f"{volume.shape[0]} pages", "one page, since the other files are sections too")
    return SectionFile(path, volume.shape[1:], volume.dtype, lambda: volume.section(0))


def _unusable(path: Path, given: str, expected: str) -> InputError:
    return InputError(
        f"{path} cannot be used as a section", given=given, expected=expected, fix="export the section again"
    )
