"""Painted masks as Label Studio stores them: runs of equal bytes of an RGBA picture, packed bit by bit."""

import numpy as np
from numpy.typing import NDArray

_CHANNELS = 4
_BITS = np.array([3, 4, 8, 16])
"""Of a run's length; each run says in two bits which of these it takes."""
_LONGEST = 2**16
_HEADER_WIDTHS = (32, 5, 4, 4, 4, 4)


def run_lengths(mask: NDArray[np.bool_]) -> list[int]:
    """Encode a mask, (y, x), as the SDK's `mask2rle` does of 0 and 255, in a tenth of its time.

    A run is a 1, the number of its entry in `_BITS`, its length less one, its value; one of more than 65,536 bytes is
    several, all of the last entry.
    """
    flat = mask.ravel()
    ends = np.append(np.flatnonzero(flat[1:] != flat[:-1]) + 1, flat.size)
    wholes = _CHANNELS * np.diff(ends, prepend=0)
    parts = -(-wholes // _LONGEST)
    lengths = np.full(parts.sum(), _LONGEST)
    lengths[np.cumsum(parts) - 1] = wholes - (parts - 1) * _LONGEST
    values = np.repeat(np.where(flat[ends - 1], 255, 0), parts)
    entry = np.where(np.repeat(parts, parts) > 1, 3, np.searchsorted(2 ** _BITS[:-1], lengths))
    bits = _BITS[entry]
    codes = ((((4 + entry) << bits) | (lengths - 1)) << 8) | values
    header = (_CHANNELS * flat.size, 7, *(_BITS - 1))
    return _packed(np.concatenate([header, codes]), np.concatenate([_HEADER_WIDTHS, 3 + bits + 8]))


def _packed(codes: NDArray[np.int64], widths: NDArray[np.int64]) -> list[int]:
    """Write numbers one after another in so many bits each; give the bytes, the last one filled with zeros."""
    left = np.repeat(np.cumsum(widths), widths) - np.arange(widths.sum()) - 1
    found = np.packbits(((np.repeat(codes, widths) >> left) & 1).astype(np.uint8)).tolist()
    return [*found, *([0] if widths.sum() % 8 == 0 else [])]  # as the SDK does
