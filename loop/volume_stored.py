"""A stored volume, whichever its format: shape, type, voxel size and sections on demand."""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from loop.errors import InputError
from loop.volume_limits import require_decodable, require_sections

VoxelSize = tuple[float, float, float]
ReadSections = Callable[[int, int], NDArray[Any]]

# what h5py, zarr, tifffile, Pillow and their decoders raise on damaged or vanished files
UNREADABLE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    SystemError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


@dataclass(frozen=True)
class Volume:
    """A stored `(z, y, x)` array of which only the sections asked for are read.

    Attributes
    ----------
    spec : str
        The `path:dataset` it was opened by, or the path alone where the format has no datasets.
    shape : tuple of int
        Sections, rows, columns.
    dtype : numpy dtype
        Type of a voxel, in the machine's byte order.
    voxel_size_nm_zyx : tuple of float or None
        Physical size of a voxel in nanometres, None where the file does not say.
    """

    spec: str
    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    voxel_size_nm_zyx: VoxelSize | None
    _read: ReadSections

    def sections(self, start: int, stop: int) -> NDArray[Any]:
        """Read sections `start:stop` as an array of shape `(stop - start, y, x)`.

        Raises
        ------
        InputError
            If the range leaves the volume, or the file is damaged or gone.
        """
        if not 0 <= start <= stop <= self.shape[0]:
            raise InputError(
                f"sections asked of {self.spec} lie outside it",
                given=f"{start}:{stop}",
                expected=f"a range within 0:{self.shape[0]}",
                fix="shorten the range",
            )
        if start == stop:
            return np.empty((0, *self.shape[1:]), dtype=self.dtype)
        try:
            return np.asarray(self._read(start, stop), dtype=self.dtype)
        except MemoryError as error:
            raise InputError(
                f"sections {start}:{stop} of {self.spec} do not fit into memory",
                given=f"{stop - start} sections of {' x '.join(map(str, self.shape[1:]))} voxels of {self.dtype}",
                expected="as many as fit",
                fix="read fewer at once, or free memory",
            ) from error
        except UNREADABLE as error:
            raise InputError(
                f"sections {start}:{stop} of {self.spec} cannot be read",
                given=str(error) or type(error).__name__,
                expected="a whole file, as it was when it was opened",
                fix="copy the file again, or leave these sections out",
            ) from error

    def section(self, z: int) -> NDArray[Any]:
        """Read section `z` as an array of shape `(y, x)`."""
        section: NDArray[Any] = self.sections(z, z + 1)[0]
        return section

    def stretch(self, start: int, stop: int) -> "Volume":
        """Give sections `start:stop` as a volume of their own, whose first section is 0."""

        def read(first: int, last: int) -> NDArray[Any]:
            return self.sections(start + first, start + last)

        return replace(self, shape=(stop - start, *self.shape[1:]), _read=read)


def stored_volume(
    spec: str, read: ReadSections, *, shape: tuple[int, ...], dtype: DTypeLike, size: VoxelSize | None
) -> Volume:
    """Give the volume that `read` reads.

    Parameters
    ----------
    spec : str
        What opens it again.
    read : callable
        Gives sections `[start, stop)`; never none, only such as lie inside `shape`.
    shape, dtype
        What the file says of the array.
    size : tuple of float, optional
        Nanometres, zyx.

    Raises
    ------
    InputError
        Not three axes, no voxel, more than can be read, or voxels that are not numbers.
    """
    if len(shape) != 3 or 0 in shape:
        raise InputError(
            f"{spec} is not a volume",
            given=f"shape {tuple(shape)}",
            expected="three axes, z, y and x, none of them empty",
            fix="store it as zyx",
        )
    native = np.dtype(dtype).newbyteorder("=")
    if native.kind not in "biuf":
        raise InputError(
            f"{spec} is not a volume", given=f"voxels of type {native}", expected="numbers", fix="name another dataset"
        )
    require_decodable(f"a section of {spec}", shape[1:], native)
    require_sections(spec, shape[0])
    return Volume(spec, (int(shape[0]), int(shape[1]), int(shape[2])), native, size, read)
