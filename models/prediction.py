"""Membrane probability of any stretch of a volume, without seams, with the spread over mirrored views."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from loop.errors import InputError, ProofloopError
from loop.progress import Progress, silent
from models.blocks3d import rounded_up
from models.checkpoint import load_network
from models.dataset import reflected
from models.folding import folded
from models.memory import bytes_a_voxel, bytes_free, tile_that_fits
from models.precision import Precision, as_bfloat16, check_precision, probabilities
from models.processes import DeviceName, device_called
from models.registry import Network, channels_last
from models.tiles import EDGE_PX, padded, tiles
from models.variants import VARIANTS

ReadSections = Callable[[int, int], NDArray[np.uint8]]
CHECK_PX = 256
# keeps the largest features under 32 MiB, from where on the C library fetches every array anew from the system
VOXELS_AT_ONCE = 2**20
MEMORY_SHARE = 0.5
"""Of the free memory, what the features of a tile may take."""


class PredictionConfig(BaseModel):
    """How a volume is predicted; `variants` and `reach_share` apart, nothing here changes more than rounding."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    variants: Literal[1, 4, 8, 16] = 8
    """Mirrored views that are averaged."""
    block_sections: PositiveInt = 8
    """Sections predicted at once."""
    tile_px: PositiveInt = 2048
    """Extent of the tiles that larger sections are cut into; halved as often as memory asks for."""
    reach_share: float = Field(default=1.0, gt=0, le=1)
    """Share of how far the network looks that is read around blocks and tiles; 1 leaves no seam, less is faster."""
    device: DeviceName = "auto"
    """Where to predict: `cpu`, `cuda`, or `auto` on a GPU where there is one."""
    precision: Precision = "auto"
    """Number format of the network; `auto` takes bfloat16 if a check on the first tile finds it equal and faster."""


@dataclass(frozen=True)
class Prediction:
    """Mean and variance over the views of the membrane probability of some sections, both float32 (z, y, x)."""

    mean: NDArray[np.float32]
    variance: NDArray[np.float32]

    def cut(self, shape: tuple[int, ...]) -> "Prediction":
        """Cut off what `padded` put around sections of `shape` (z, y, x)."""
        window = (slice(None), *(slice(EDGE_PX, EDGE_PX + extent) for extent in shape[1:]))
        return Prediction(self.mean[window], self.variance[window])


def predict(
    checkpoint: Path,
    read: ReadSections,
    *,
    n_sections: int,
    sections: range,
    config: PredictionConfig | None = None,
    progress: Progress = silent,
) -> Prediction:
    """Predict some sections of a volume.

    Parameters
    ----------
    checkpoint : Path
        The network and its weights.
    read : callable
        Gives the sections [z0, z1) of the volume, (z, y, x) uint8; asked only for those inside the volume.
    n_sections : int
        Sections in the volume.
    sections : range
        The sections to predict, step 1. Their neighbours are read as context; beyond the volume's ends they are its
        reflection.
    config : PredictionConfig, optional
        How; by default the mean of eight views.
    progress : Progress
        Hears of every tile and view.

    Returns
    -------
    Prediction
        Membrane probability, 1 = membrane.

    Raises
    ------
    InputError
        Unusable checkpoint, sections outside the volume, or images that are not uint8 (z, y, x).
    ProofloopError
        The network gave NaN.
    """
    blocks = list(
        predict_blocks(checkpoint, read, n_sections=n_sections, sections=sections, config=config, progress=progress)
    )
    return Prediction(
        mean=np.concatenate([block.mean for _, block in blocks]),
        variance=np.concatenate([block.variance for _, block in blocks]),
    )


def predict_blocks(
    checkpoint: Path,
    read: ReadSections,
    *,
    n_sections: int,
    sections: range,
    config: PredictionConfig | None = None,
    progress: Progress = silent,
) -> Iterator[tuple[range, Prediction]]:
    """Predict as `predict` does, one block of sections after another, so that a volume never has to fit in memory."""
    config = config or PredictionConfig()
    if sections.step != 1 or not 0 <= sections.start < sections.stop <= n_sections:
        raise InputError(
            "the sections to predict are not in the volume",
            given=f"{sections.start}:{sections.stop}",
            expected=f"a range inside 0:{n_sections}",
            fix="give a range that the volume has",
        )
    network = channels_last(folded(load_network(checkpoint))).to(device_called(config.device))
    blocks = list(_aligned_blocks(sections, config.block_sections, network.config.grid[0]))
    for number, (block, inner) in enumerate(blocks):
        stack, before = _with_context(read, block, n_sections=n_sections, margins=margins_of(network, config))
        if number == 0:
            network = _in_best_precision(network, stack, config.precision)
        told = _part(progress, number, len(blocks))
        predicted, tile_px = predict_stack(network, stack, config, progress=told)
        config = config.model_copy(update={"tile_px": tile_px})
        wanted = slice(before + inner.start, before + inner.stop)
        yield block[inner], Prediction(mean=predicted.mean[wanted], variance=predicted.variance[wanted])


def _aligned_blocks(sections: range, size: int, grid: int) -> Iterator[tuple[range, slice]]:
    """Cut `sections` at multiples of the network's z grid, so that pooling pairs the same sections in every block."""
    step = -(-size // grid) * grid
    for start in range(sections.start // grid * grid, sections.stop, step):
        stop = min(start + step, -(-sections.stop // grid) * grid)
        wanted = slice(max(sections.start - start, 0), min(sections.stop, stop) - start)
        yield range(start, stop), wanted


@dataclass(frozen=True)
class Margins:
    """What is read around a block and a tile: whole cells of the grid, and sections that the stem swallows."""

    sections: int
    px: int
    stem_sections: int
    grid: tuple[int, int]


def margins_of(network: Network, config: PredictionConfig) -> Margins:
    """Say how much a network needs around what it is to give."""
    layout = network.config
    share = config.reach_share
    sections, px = rounded_up((math.ceil(layout.reach[0] * share), math.ceil(layout.reach[1] * share)), layout.grid)
    return Margins(sections, px, layout.context_sections, layout.grid)


def _with_context(
    read: ReadSections, block: range, *, n_sections: int, margins: Margins
) -> tuple[NDArray[np.uint8], int]:
    """Read a block with its margins, and tell how many sections of output come before it.

    The volume's ends are left to the network's own padding, as in training, except for what the stem swallows.
    """
    start = max(0, block.start - margins.sections)
    stop = min(-(-n_sections // margins.grid[0]) * margins.grid[0], block.stop + margins.sections)
    wanted = reflected(np.arange(start - margins.stem_sections, stop + margins.stem_sections), n_sections)
    first, last = int(wanted.min()), int(wanted.max())
    stack = read(first, last + 1)
    if stack.ndim != 3 or len(stack) != last + 1 - first or stack.dtype != np.uint8:
        raise InputError(
            "the image cannot be predicted",
            given=f"{stack.dtype} {stack.shape} for sections {first}:{last + 1}",
            expected=f"uint8 ({last + 1 - first}, y, x)",
            fix="give an 8-bit grey volume",
        )
    return stack[wanted - first], block.start - start


def _in_best_precision(network: Network, stack: NDArray[np.uint8], precision: Precision) -> Network:
    if precision == "float32":
        return network
    if precision == "auto":
        grid = network.config.grid[1]
        height, width = (max(grid, min(extent, CHECK_PX) // grid * grid) for extent in stack.shape[1:])
        corner = padded(stack, grid)[:, :height, :width]
        if not check_precision(network, _as_input(corner)).bfloat16_is_better:
            return network
    return as_bfloat16(network)


def predict_stack(
    network: Network, stack: NDArray[np.uint8], config: PredictionConfig, *, progress: Progress = silent
) -> tuple[Prediction, int]:
    """Predict a stack (z, y, x) tile by tile; where memory runs out, halve the tiles and begin again.

    Returns
    -------
    Prediction, int
        As long as the stack less what the stem swallows, and the extent of the tiles that fitted.

    Raises
    ------
    ProofloopError
        Not even the smallest tile fits.
    """
    whole = padded(stack, network.config.grid[1])
    config = config.model_copy(update={"tile_px": _fitting_tile(network, whole, config)})
    while True:
        try:
            return _in_tiles(network, whole, config, progress).cut(stack.shape), config.tile_px
        except (MemoryError, RuntimeError) as error:
            if not _is_lack_of_memory(error):
                raise
            smaller = min(config.tile_px, max(whole.shape[1:])) // 2
            if smaller < network.config.grid[1]:
                raise ProofloopError(
                    f"memory runs out even for tiles of {config.tile_px} px:"
                    " set a smaller block_sections, or free memory"
                ) from error
            config = config.model_copy(update={"tile_px": smaller})


def _fitting_tile(network: Network, whole: NDArray[np.uint8], config: PredictionConfig) -> int:
    return tile_that_fits(
        whole.shape,
        config.tile_px,
        margin_px=margins_of(network, config).px,
        bytes_a_voxel=bytes_a_voxel(network),
        budget=MEMORY_SHARE * bytes_free(next(network.parameters()).device),
    )


def _is_lack_of_memory(error: Exception) -> bool:
    # on a processor torch raises a plain RuntimeError
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error)


def _in_tiles(network: Network, whole: NDArray[np.uint8], config: PredictionConfig, progress: Progress) -> Prediction:
    margins = margins_of(network, config)
    shape = (len(whole) - 2 * margins.stem_sections, *whole.shape[1:])
    mean, variance = np.empty(shape, dtype=np.float32), np.empty(shape, dtype=np.float32)
    cut = tiles(whole.shape[1:], config.tile_px, reach_px=margins.px, grid_px=margins.grid[1])
    for number, tile in enumerate(cut):
        told = _part(progress, number, len(cut))
        views = _predict_tile(network, whole[(slice(None), *tile.read)], config.variants, progress=told)
        mean[(slice(None), *tile.write)], variance[(slice(None), *tile.write)] = (
            part[(slice(None), *tile.keep)] for part in views
        )
    return Prediction(mean, variance)


def _predict_tile(
    network: Network, tile: NDArray[np.uint8], variants: int, *, progress: Progress
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and variance over the views, both updated view by view (Welford 1962)."""
    mean = np.zeros((len(tile) - 2 * network.config.context_sections, *tile.shape[1:]), dtype=np.float32)
    squares = np.zeros_like(mean)
    for number, variant in enumerate(VARIANTS[:variants], start=1):
        seen = variant.invert(_predict_view(network, variant.apply(tile)))
        if not np.isfinite(seen).all():
            raise ProofloopError(
                "the network's output is not a number; its checkpoint is damaged, or its training diverged:"
                " predict with an earlier checkpoint"
            )
        away = seen - mean
        mean += away / np.float32(number)
        squares += away * (seen - mean)
        progress(number, variants)
    return mean, squares / np.float32(variants)


def _predict_view(network: Network, view: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Run the network, on a few sections at a time if it looks no farther along z than its context."""
    context = 2 * network.config.context_sections
    depth, height, width = len(view) - context, *view.shape[1:]
    at_once = depth if network.config.reach[0] else max(1, VOXELS_AT_ONCE // (height * width))
    starts = range(0, depth, at_once)
    parts = [probabilities(network, _as_input(view[z : z + at_once + context]))[0, 0].cpu().numpy() for z in starts]
    return np.concatenate(parts)


def _as_input(stack: NDArray[np.uint8]) -> torch.Tensor:
    return torch.from_numpy(stack.astype(np.float32) / np.float32(255))[None, None]


def _part(progress: Progress, number: int, count: int) -> Progress:
    """Tell of the units of part `number` of `count` as units of the whole."""

    def told(done: int, total: int, note: str = "") -> None:
        progress(number * total + done, count * total, note)

    return told
