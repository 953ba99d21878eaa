"""How large blocks and tiles may be so that features fit in memory; a processor gives no error one could catch."""

from collections.abc import Iterator
from dataclasses import dataclass

import psutil
import torch

from models.layout_unet3d import NetworkConfig
from models.registry import Network

RESULT_VOXELS = 2**26
"""Predicted at once at most: mean, variance and what updates them take some 20 bytes for each."""
OVER_LEAST = 1.5
"""Where hardly anything fits, so many times the least that a tile can take is taken: the smallest tiles read a thousand
times what they give."""
_LIVE = {"unet3d": 7.5, "dilated": 14.0, "refiner": 11.5}
"""Features of the finest level, in multiples of its channels, held at once while predicting: measured peak memory."""


@dataclass(frozen=True)
class Cut:
    """Sections predicted at once, and the extent of the tiles that they are cut into."""

    sections: int
    tile_px: int


def bytes_a_voxel(network: Network) -> float:
    """Tell how much memory a network takes for each voxel that it looks at; 0 for one that is run in small slices."""
    layout = network.config
    if not layout.reach[0] or layout.architecture == "linknet":
        return 0.0
    size = next(network.parameters()).element_size()
    if layout.architecture == "unet3d":
        return _numbers_of_unet(layout) * size
    finest = layout.embedding if layout.architecture == "refiner" else layout
    return _LIVE[layout.architecture] * finest.channels[0] * size


def _numbers_of_unet(layout: NetworkConfig) -> float:
    """Count what is kept for all sections: the features of the flat levels, and all that the next one needs."""
    share = 1.0 / layout.fold**2
    kept = 0.0
    for level in range(layout.flat_levels):
        kept += layout.channels[level] * share
        share /= layout.pools[level][1] * layout.pools[level][2]
    return kept + _LIVE["unet3d"] * layout.channels[layout.flat_levels] * share


def bytes_free(device: torch.device) -> int:
    """Tell how much memory a device can still give."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)


def cut_that_fits(
    shape: tuple[int, ...], largest: Cut, *, margin: Cut, grid: tuple[int, int], bytes_a_voxel: float, budget: float
) -> Cut:
    """Halve blocks and tiles until they fit, whichever reads less around what it gives.

    Parameters
    ----------
    shape : (z, y, x)
        Of the volume.
    largest, margin : Cut
        Extents of blocks and tiles at most, and what is read around them.
    grid : (sections, px)
        Blocks are multiples of this, and tiles no smaller.
    bytes_a_voxel, budget : float
        Memory for each voxel read, and in all.

    Returns
    -------
    Cut
        One of the smallest that there are if none fits.
    """
    depth, height, width = shape
    blocks = [-(-size // grid[0]) * grid[0] for size in _halved(min(largest.sections, depth), grid[0])]
    cuts = [Cut(size, px) for size in blocks for px in _halved(largest.tile_px, grid[1])]

    def read(cut: Cut) -> int:
        rows, columns = (min(extent, cut.tile_px + 2 * margin.tile_px) for extent in (height, width))
        return min(depth, cut.sections + 2 * margin.sections) * rows * columns

    def waste(cut: Cut) -> float:
        return read(cut) / (cut.sections * min(height, cut.tile_px) * min(width, cut.tile_px))

    thinnest = [cut for cut in cuts if cut.sections == blocks[-1]]
    small = [cut for cut in cuts if cut.sections * height * width <= RESULT_VOXELS] or thinnest
    most = max(budget, OVER_LEAST * bytes_a_voxel * min(map(read, small)))
    return min((cut for cut in small if read(cut) * bytes_a_voxel <= most), key=waste)


def _halved(size: int, least: int) -> Iterator[int]:
    yield size
    while size // 2 >= least:
        size //= 2
        yield size
