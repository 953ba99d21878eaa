"""Membrane probability of any stretch of a volume, without seams, with the spread over mirrored views."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, PositiveInt

from loop.errors import InputError, ProofloopError
from loop.progress import Progress, silent
from models.checkpoint import load_network
from models.dataset import reflected
from models.precision import Precision, as_bfloat16, check_precision, probabilities
from models.registry import Layout, Network, channels_last
from models.variants import VARIANTS

ReadSections = Callable[[int, int], NDArray[np.uint8]]
EDGE_PX = 16
CHECK_PX = 256
# keeps the largest features under 32 MiB, from where on the C library fetches every array anew from the system
VOXELS_AT_ONCE = 2**20


class PredictionConfig(BaseModel):
    """How a volume is predicted; nothing here changes the result beyond rounding, `variants` apart."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    variants: Literal[1, 4, 8, 16] = 8
    """Mirrored views that are averaged."""
    block_sections: PositiveInt = 8
    """Sections predicted at once."""
    tile_px: PositiveInt = 2048
    """Extent of the tiles that larger sections are cut into; memory grows with the square of it and its margins."""
    precision: Precision = "auto"
    """Number format of the network; `auto` takes bfloat16 if a check on the first tile finds it equal and faster."""


@dataclass(frozen=True)
class Prediction:
    """Mean and variance over the views of the membrane probability of some sections, both float32 (z, y, x)."""

    mean: NDArray[np.float32]
    variance: NDArray[np.float32]


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
    network = channels_last(load_network(checkpoint))
    blocks = list(_aligned_blocks(sections, config.block_sections, network.config.grid[0]))
    for number, (block, inner) in enumerate(blocks):
        stack = _with_context(read, block, n_sections=n_sections, network=network.config)
        if number == 0:
            network = _in_best_precision(network, stack, config.precision)
        mean, variance = _predict_stack(network, stack, config, progress=_part(progress, number, len(blocks)))
        yield block[inner], Prediction(mean=mean[inner], variance=variance[inner])


def _aligned_blocks(sections: range, size: int, grid: int) -> Iterator[tuple[range, slice]]:
    """Cut `sections` at multiples of the network's z grid, so that pooling pairs the same sections in every block."""
    step = -(-size // grid) * grid
    for start in range(sections.start // grid * grid, sections.stop, step):
        stop = min(start + step, -(-sections.stop // grid) * grid)
        wanted = slice(max(sections.start - start, 0), min(sections.stop, stop) - start)
        yield range(start, stop), wanted


def _with_context(read: ReadSections, block: range, *, n_sections: int, network: Layout) -> NDArray[np.uint8]:
    margin = network.reach[0] + network.context_sections
    wanted = reflected(np.arange(block.start - margin, block.stop + margin), n_sections)
    first, last = int(wanted.min()), int(wanted.max())
    stack = read(first, last + 1)
    if stack.ndim != 3 or len(stack) != last + 1 - first or stack.dtype != np.uint8:
        raise InputError(
            "the image cannot be predicted",
            given=f"{stack.dtype} {stack.shape} for sections {first}:{last + 1}",
            expected=f"uint8 ({last + 1 - first}, y, x)",
            fix="give an 8-bit grey volume",
        )
    return stack[wanted - first]


def _in_best_precision(network: Network, stack: NDArray[np.uint8], precision: Precision) -> Network:
    if precision == "float32":
        return network
    if precision == "auto":
        grid = network.config.grid[1]
        height, width = (max(grid, min(extent, CHECK_PX) // grid * grid) for extent in stack.shape[1:])
        padded = _padded(stack, grid)[:, :height, :width]
        if not check_precision(network, _as_input(padded)).bfloat16_is_better:
            return network
    return as_bfloat16(network)


def _predict_stack(
    network: Network, stack: NDArray[np.uint8], config: PredictionConfig, *, progress: Progress
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Predict a stack that has its context in z: mean and variance without the context."""
    margin = network.config.reach[0] + network.config.context_sections
    depth, (height, width) = len(stack) - 2 * margin, stack.shape[1:]
    padded = _padded(stack, network.config.grid[1])
    mean = np.empty((depth, *padded.shape[1:]), dtype=np.float32)
    variance = np.empty_like(mean)
    tiles = list(_tiles(padded.shape[1:], config.tile_px, network.config))
    for number, tile in enumerate(tiles):
        told = _part(progress, number, len(tiles))
        views = _predict_tile(network, padded[(slice(None), *tile.read)], config.variants, progress=told)
        mean[(slice(None), *tile.write)], variance[(slice(None), *tile.write)] = (
            part[(slice(network.config.reach[0], network.config.reach[0] + depth), *tile.keep)] for part in views
        )
    window = (slice(None), slice(EDGE_PX, EDGE_PX + height), slice(EDGE_PX, EDGE_PX + width))
    return mean[window], variance[window]


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
    parts = [probabilities(network, _as_input(view[z : z + at_once + context]))[0, 0].numpy() for z in starts]
    return np.concatenate(parts)


@dataclass(frozen=True)
class _Tile:
    """Where in y and x a tile is read, which part of it is valid, and where that part goes."""

    read: tuple[slice, slice]
    keep: tuple[slice, slice]
    write: tuple[slice, slice]


def _tiles(extents: tuple[int, ...], size: int, network: Layout) -> Iterator[_Tile]:
    """Cover a section by tiles that each read as far beyond what they give as the network looks."""
    rows, columns = (list(_spans(extent, size, network)) for extent in extents)
    for row in rows:
        for column in columns:
            yield _Tile(*((row[part], column[part]) for part in range(3)))


def _spans(extent: int, size: int, network: Layout) -> Iterator[tuple[slice, slice, slice]]:
    reach, grid = network.reach[1], network.grid[1]
    if extent <= size:
        yield slice(0, extent), slice(0, extent), slice(0, extent)
        return
    step = -(-size // grid) * grid
    for start in range(0, extent, step):
        stop = min(start + step, extent)
        first, last = max(0, start - reach), min(extent, stop + reach)
        yield slice(first, last), slice(start - first, stop - first), slice(start, stop)


def _padded(stack: NDArray[np.uint8], grid: int) -> NDArray[np.uint8]:
    """Reflect the section's edges outwards, at least EDGE_PX and to the network's grid."""
    beyond = [EDGE_PX + (-(extent + 2 * EDGE_PX)) % grid for extent in stack.shape[1:]]
    # "reflect" repeats as often as a small section needs
    return np.pad(stack, ((0, 0), (EDGE_PX, beyond[0]), (EDGE_PX, beyond[1])), mode="reflect")


def _as_input(stack: NDArray[np.uint8]) -> torch.Tensor:
    return torch.from_numpy(stack.astype(np.float32) / np.float32(255))[None, None]


def _part(progress: Progress, number: int, count: int) -> Progress:
    """Tell of the units of part `number` of `count` as units of the whole."""

    def told(done: int, total: int, note: str = "") -> None:
        progress(number * total + done, count * total, note)

    return told
