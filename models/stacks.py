"""A stack of sections predicted tile by tile and view by view."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from loop.errors import ProofloopError
from loop.progress import Progress, part_of, silent
from models.precision import probabilities
from models.registry import Network
from models.surroundings import Margins, Stack
from models.tiles import padded, tiles
from models.variants import VARIANTS

# keeps the largest features under 32 MiB, from where on the C library fetches every array anew from the system
VOXELS_AT_ONCE = 2**20


@dataclass(frozen=True)
class Prediction:
    """Mean and variance over the views of the membrane probability of some sections, both float32 (z, y, x)."""

    mean: NDArray[np.float32]
    variance: NDArray[np.float32]

    def cut(self, shape: tuple[int, ...]) -> "Prediction":
        """Cut off what `padded` put beyond sections of `shape` (z, y, x)."""
        _, height, width = shape
        return Prediction(self.mean[:, :height, :width], self.variance[:, :height, :width])


def predict_stack(
    network: Network,
    stack: Stack,
    *,
    margins: Margins,
    tile_px: int,
    variants: int,
    progress: Progress = silent,
) -> tuple[Prediction, int]:
    """Predict what is wanted of a stack tile by tile; where memory runs out, halve the tiles and begin again.

    Returns
    -------
    Prediction, int
        As long as what is wanted, and the extent of the tiles that fitted.

    Raises
    ------
    ProofloopError
        Not even the smallest tile fits, or the network gave NaN.
    """
    whole = replace(stack, image=padded(stack.image, margins.grid[1]))
    while True:
        try:
            found = _in_tiles(network, whole, margins=margins, tile_px=tile_px, variants=variants, progress=progress)
            return found.cut(stack.image.shape), tile_px
        except (MemoryError, RuntimeError) as error:
            if not _is_lack_of_memory(error):
                raise
            smaller = min(tile_px, max(whole.image.shape[1:])) // 2
            if smaller < margins.grid[1]:
                raise ProofloopError(
                    f"memory runs out even for tiles of {tile_px} px: set a smaller block_sections, or free memory"
                ) from error
            tile_px = smaller


def _is_lack_of_memory(error: Exception) -> bool:
    # on a processor torch raises a plain RuntimeError
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error)


def _in_tiles(
    network: Network,
    stack: Stack,
    *,
    margins: Margins,
    tile_px: int,
    variants: int,
    progress: Progress,
) -> Prediction:
    """Mean and variance over the views, both updated tile by tile and view by view."""
    shape = (stack.wanted.stop - stack.wanted.start, *stack.image.shape[1:])
    mean, squares = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32)
    cut = tiles(stack.image.shape[1:], tile_px, reach_px=margins.px, grid_px=margins.grid[1])
    for place, tile in enumerate(cut):
        image = stack.image[(slice(None), *tile.read)]
        keep, write = (stack.wanted, *tile.keep), (slice(None), *tile.write)
        for number, variant in enumerate(VARIANTS[:variants], start=1):
            seen = variant.invert(_predict_view(network, variant.apply(image)))[keep]
            _require_numbers(seen)
            _take_in(seen, mean[write], squares[write], number)
            part_of(progress, place, len(cut))(number, variants)
    if variants > 1:
        squares /= np.float32(variants)
    return Prediction(mean, squares)


def _take_in(seen: NDArray[np.float32], mean: NDArray[np.float32], squares: NDArray[np.float32], number: int) -> None:
    """Update the mean and the sum of squared differences from it by view `number`, using that up (Welford 1962)."""
    if number == 1:
        mean[:] = seen
        return
    seen -= mean
    mean += seen / np.float32(number)
    seen *= seen
    seen *= np.float32((number - 1) / number)
    squares += seen


def _require_numbers(seen: NDArray[np.float32]) -> None:
    if not np.isfinite(seen).all():
        raise ProofloopError(
            "the network's output is not a number; its checkpoint is damaged, or its training diverged:"
            " predict with an earlier checkpoint"
        )


def _predict_view(network: Network, view: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Run the network, on a few sections at a time if it looks no farther along z than its context."""
    context = 2 * network.config.context_sections
    depth, height, width = len(view) - context, *view.shape[1:]
    at_once = depth if network.config.reach[0] else max(1, VOXELS_AT_ONCE // (height * width))
    starts = range(0, depth, at_once)
    parts = [probabilities(network, as_input(network, view[z : z + at_once + context])) for z in starts]
    return np.concatenate([part[0, 0].cpu().numpy() for part in parts])


def as_input(network: Network, stack: NDArray[np.uint8]) -> torch.Tensor:
    """Give a stack (z, y, x) as images in [0, 1], (1, 1, z, y, x), in the precision of the network's weights."""
    return torch.from_numpy(np.ascontiguousarray(stack)).to(next(network.parameters()).dtype)[None, None] / 255
