"""What VAST imports as a segmentation: a PNG a section, and the text file with names and colours."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from loop.errors import InputError
from tracing.axons import Axon
from tracing.colours import bytes_of

_MOST = 2**24
_COLUMNS = (
    "Nr  flags  red1 green1 blue1 pattern1  red2 green2 blue2 pattern2  anchorx anchory anchorz  "
    'parentnr childnr prevnr nextnr  collapsednr  bboxx1 bboxy1 bboxz1 bboxx2 bboxy2 bboxz2  "name"'
)


def require_vast_ids(axons: Sequence[Axon]) -> None:
    """Refuse ids that three bytes cannot hold."""
    largest = max(axon.axon for axon in axons)
    if largest >= _MOST:
        raise InputError(
            "an id is too large for VAST",
            given=largest,
            expected=f"ids below {_MOST}, which red, green and blue of a PNG can hold",
            fix="number the axons anew, as proofloop trace and link do, or choose another format",
        )


def write_vast_section(folder: Path, z: int, labels: NDArray[Any]) -> None:
    """Write a section `(y, x)`: id = 65536 red + 256 green + blue."""
    ids = labels.astype(np.uint32)
    colours = np.stack([ids >> 16, (ids >> 8) & 255, ids & 255], axis=-1).astype(np.uint8)
    Image.fromarray(colours).save(folder / f"axons_s{z:05d}.png", compress_level=3)


def vast_table(axons: Sequence[Axon], source: str) -> str:
    """Give the text file that VAST loads names, colours, anchor points and boxes from; columns and rows, then z."""
    order = sorted(axons, key=lambda axon: axon.axon)
    numbers = [axon.axon for axon in order]
    lines = [
        f"% {source}, written by proofloop",
        f"% {_COLUMNS}",
        f'0   0   0 0 0 0   0 0 0 0   -1 -1 -1   0 0 0 {numbers[0]}   0   -1 -1 -1 -1 -1 -1   "Background"',
    ]
    for axon, before, after in zip(order, [0, *numbers[:-1]], [*numbers[1:], 0], strict=True):
        red, green, blue = bytes_of(axon.axon)
        colours = f"{red} {green} {blue} 0   {red} {green} {blue} 0"
        box = f"{axon.left} {axon.top} {axon.first} {axon.right} {axon.bottom} {axon.last}"
        lines.append(
            f"{axon.axon}   0   {colours}   {axon.x} {axon.y} {axon.z}   0 0 {before} {after}   {axon.axon}   {box}"
            f'   "axon {axon.axon}"'
        )
    return "\n".join(lines) + "\n"
