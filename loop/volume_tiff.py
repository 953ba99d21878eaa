"""Volumes in multi-page TIFF files, a page a section."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from loop.errors import InputError
from loop.volume_channels import one_channel
from loop.volume_choice import refuse_dataset
from loop.volume_limits import require_decodable, require_sections
from loop.volume_stored import UNREADABLE, Volume, VoxelSize, stored_volume
from loop.volume_tiff_size import claimed_sections, tiff_voxel_size


@dataclass(frozen=True)
class _Layout:
    """Where the sections lie: all of them one after the other from byte `offset` on, or in `pages`."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int | None
    pages: tuple[int, ...]
    size: VoxelSize | None


def open_tiff(path: Path, name: str | None, _default: str | None) -> Volume:
    """Open a multi-page TIFF; the one axis beside y and x is taken for z, whatever the file calls it.

    Raises
    ------
    InputError
        If the file is damaged or cut short, has several channels or times, pages of several shapes, pages in other
        files, or white as its zero.
    """
    refuse_dataset(path, name)
    try:
        # an OME-TIFF may name other files for its pages; those stay closed
        with tifffile.TiffFile(path, _multifile=False) as file:
            layout = _layout(path, file)
    except UNREADABLE as error:
        raise InputError(
            f"{path} cannot be read as TIFF", given=str(error), expected="a whole TIFF file", fix="copy the file again"
        ) from error

    def read_contiguous(start: int, stop: int) -> NDArray[Any]:
        stored = np.memmap(path, layout.dtype, "r", offset=layout.offset or 0, shape=layout.shape)
        return np.stack([one_channel(np.array(stored[z]), f"page {z} of {path}") for z in range(start, stop)])

    def read_pages(start: int, stop: int) -> NDArray[Any]:
        with tifffile.TiffFile(path, _multifile=False) as file:
            return np.stack(
                [one_channel(file.pages[page].asarray(), f"page {page} of {path}") for page in layout.pages[start:stop]]
            )

    read = read_pages if layout.offset is None else read_contiguous
    return stored_volume(str(path), read, shape=layout.shape[:3], dtype=layout.dtype, size=layout.size)


def _layout(path: Path, file: tifffile.TiffFile) -> _Layout:
    require_sections(str(path), claimed_sections(file))
    series = file.series
    first = series[0]
    axes, shape = first.get_axes(squeeze=True), first.get_shape(squeeze=True)
    alike = all(other.shape == first.shape and other.dtype == first.dtype for other in series)
    count = axes.removesuffix("S").removesuffix("YX")
    if not alike or (len(series) > 1 and count):
        kinds = sorted({f"{other.axes} {other.shape} {other.dtype}" for other in series})
        raise _not_one_volume(path, f"{len(series)} images: {', '.join(kinds)}")
    if "YX" not in axes or len(count) > 1 or (axes.endswith("S") and shape[-1] != 3):
        raise _not_one_volume(path, f"axes {axes}, shape {shape}")
    described = sum(len(level.pages) for other in series for level in other.levels)
    if len(file.pages) > described:  # tifffile drops pages that disagree with what it wrote about their shape
        raise _not_one_volume(path, f"{len(file.pages)} pages, of which its metadata describe {described}")
    plane = shape[len(count) :]
    n_sections = len(series) if len(series) > 1 else shape[0] if count else 1
    pages = [page for other in series for page in other.pages if page is not None]
    if len(pages) < sum(len(other.pages) for other in series):
        raise _not_one_volume(path, "an OME-TIFF whose pages lie in other files")
    if any(other.keyframe.photometric == tifffile.PHOTOMETRIC.MINISWHITE for other in series):
        raise _not_one_volume(path, "pages in which 0 is white (in Fiji: Image > Lookup Tables > Invert LUT)")
    for other in series:
        require_decodable(f"a strip or tile of {path}", other.keyframe.chunks, other.dtype)
    offset = first.dataoffset if len(series) == 1 else None
    dtype = np.dtype(first.dtype).newbyteorder(file.byteorder)
    layout_shape = (n_sections, *plane)
    if offset is not None and offset + dtype.itemsize * int(np.prod(layout_shape)) > file.filehandle.size:
        raise ValueError(f"cut short: {file.filehandle.size} bytes for {layout_shape} voxels of {dtype}")
    if offset is None and len(pages) != n_sections:
        raise _not_one_volume(path, f"{n_sections} sections in {len(pages)} pages")
    indices = tuple(int(page.index) for page in pages)
    return _Layout(layout_shape, dtype, offset, indices, tiff_voxel_size(file, str(path)))


def _not_one_volume(path: Path, given: str) -> InputError:
    return InputError(
        f"{path} is not a volume",
        given=given,
        expected="pages of one shape and type, each a section: grey with 0 as black, or R = G = B",
        fix="save the one channel as a plain stack, for instance with Fiji: File > Save As > Tiff",
    )
