"""How much a file may ask for: a damaged or hostile header claims extents that nobody stored."""

from collections.abc import Sequence
from math import prod

import numpy as np
from numpy.typing import DTypeLike

from loop.errors import InputError

DECODED_BYTES_MOST = 2**31
"""Of a section, and of a chunk, strip, tile or page, which is decoded as a whole: 46,000 x 46,000 px of uint8."""

SECTIONS_MOST = 2**20
"""Of a volume: five times those of a cubic millimetre at 5 nm."""

DEFLATE_RATIO_MOST = 1032
"""What deflate can shrink at best (RFC 1951: 258 bytes in two bits)."""


def require_decodable(what: str, shape: Sequence[int], dtype: DTypeLike) -> None:
    """Refuse a piece of a file that would take too much memory once it is decoded.

    Parameters
    ----------
    what : str
        The piece and its file, for the message.
    shape, dtype
        What the header claims of it.

    Raises
    ------
    InputError
        If it is larger than `DECODED_BYTES_MOST`.
    """
    n_bytes = prod(int(extent) for extent in shape) * np.dtype(dtype).itemsize
    if n_bytes > DECODED_BYTES_MOST:
        raise InputError(
            f"{what} is too large to be read",
            given=f"{' x '.join(map(str, shape))} voxels of {np.dtype(dtype)}, {n_bytes / 2**30:.1f} GiB",
            expected=f"at most {DECODED_BYTES_MOST / 2**30:.0f} GiB at once",
            fix="store the volume in chunks of a section or less, and larger sections as tiles; or copy the file again,"
            " if it is damaged",
        )


def require_sections(spec: str, count: int) -> None:
    """Refuse a volume that claims more than `SECTIONS_MOST` sections."""
    if count > SECTIONS_MOST:
        raise InputError(
            f"{spec} has too many sections to be true",
            given=count,
            expected=f"at most {SECTIONS_MOST}",
            fix="copy the file again if its header is damaged, or split it",
        )
