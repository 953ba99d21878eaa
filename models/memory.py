"""How large a tile may be so that a network's features fit in memory; a processor gives no error one could catch."""

import psutil
import torch

from models.registry import Network

_LIVE = {"unet3d": 7.5, "dilated": 14.0, "refiner": 11.5}
"""Features of the finest level, in multiples of its channels, held at once while predicting: measured peak memory."""


def bytes_a_voxel(network: Network) -> float:
    """Tell how much memory a network takes for each voxel that it looks at; 0 for one that is run in small slices."""
    layout = network.config
    if not layout.reach[0] or layout.architecture == "linknet":
        return 0.0
    finest = layout.embedding if layout.architecture == "refiner" else layout
    folded = finest.fold**2 if finest.architecture == "unet3d" else 1
    size = next(network.parameters()).element_size()
    return _LIVE[layout.architecture] * finest.channels[0] / folded * size


def bytes_free(device: torch.device) -> int:
    """Tell how much memory a device can still give."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)


def tile_that_fits(shape: tuple[int, ...], tile_px: int, *, margin_px: int, bytes_a_voxel: float, budget: float) -> int:
    """Halve a tile until what is read for it needs no more than `budget` bytes.

    Parameters
    ----------
    shape : (z, y, x)
        Of the stack that is cut into tiles.
    tile_px, margin_px : int
        Extent of a tile, and what is read around it. Below its margin a tile is not halved: it would hardly save.
    bytes_a_voxel, budget : float
        Memory for each voxel read, and in all.
    """
    sections, height, width = shape
    while True:
        read = [min(extent, tile_px + 2 * margin_px) for extent in (height, width)]
        smaller = min(tile_px, max(height, width)) // 2
        if sections * read[0] * read[1] * bytes_a_voxel <= budget or smaller < max(1, margin_px):
            return tile_px
        tile_px = smaller
