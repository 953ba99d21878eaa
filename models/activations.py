"""How large a network's features get, so that they can be counted in bytes."""

from collections import defaultdict
from dataclasses import dataclass, fields
from functools import partial

import torch
from torch import Tensor, nn

from loop.errors import ProofloopError
from models.fused_block import FusedBlock
from models.fused_convolution import added, convolved
from models.fused_unet3d import FusedUNet3d

BEYOND = 1e-4
"""Share of a channel's numbers that are larger than what counts as its largest: a few that would cost all others their
resolution."""
LOOKED_AT = 4
"""Of so many pixels along y and x one is looked at."""


@dataclass(frozen=True)
class Activations:
    """Of each channel of some features, how large they get, and their mean; float32 (channel)."""

    most: Tensor
    mean: Tensor


@dataclass(frozen=True)
class BlockActivations:
    """What a block reads, and what its convolutions write; the last one's with the residual added."""

    read: Activations
    entry: Activations
    inner: Activations
    outer: Activations


def flat_activations(network: FusedUNet3d, images: Tensor) -> dict[str, BlockActivations]:
    """Run a network and look at the features of its flat levels.

    Parameters
    ----------
    network : FusedUNet3d
        Left as it is.
    images : Tensor
        (batch, 1, z, y, x), as for the network. What counts of a channel is the largest of all sections.

    Returns
    -------
    dict
        By the names of the blocks, "down.0" and so on.

    Raises
    ------
    ProofloopError
        The features are not numbers.
    """
    seen: dict[str, list[BlockActivations]] = defaultdict(list)
    levels = range(network.config.flat_levels)
    blocks = {
        f"{part}.{level}": network.get_submodule(f"{part}.{level}") for part in ("down", "join") for level in levels
    }
    watches = [block.register_forward_pre_hook(partial(_look, seen[name])) for name, block in blocks.items()]
    try:
        with torch.inference_mode():
            network(images)
    finally:
        for watch in watches:
            watch.remove()
    return {name: _together(found) for name, found in seen.items()}


def _look(seen: list[BlockActivations], block: nn.Module, arguments: tuple[Tensor]) -> None:
    assert isinstance(block, FusedBlock)
    (features,) = arguments
    entry = convolved(features, block.entry)
    inner = convolved(entry, block.inner)
    read, entered, between = _measured(features), _measured(entry), _measured(inner)
    # in place of what the first convolution wrote
    outer = added(entry, inner, block.outer, activation="relu")
    seen.append(BlockActivations(read, entered, between, _measured(outer)))


def _measured(features: Tensor) -> Activations:
    numbers = features[..., ::LOOKED_AT, ::LOOKED_AT].transpose(0, 1).flatten(1).float()
    beyond = max(1, int(BEYOND * numbers.shape[1]))
    most = numbers.topk(beyond, dim=1).values[:, -1]
    if not most.isfinite().all():
        raise ProofloopError(
            "the network's features are not numbers; its checkpoint is damaged, or its training diverged:"
            " predict with an earlier checkpoint"
        )
    return Activations(most.clamp(min=torch.finfo(torch.float32).tiny), numbers.mean(dim=1))


def _together(found: list[BlockActivations]) -> BlockActivations:
    def joined(name: str) -> Activations:
        parts = [getattr(each, name) for each in found]
        most = torch.stack([part.most for part in parts]).amax(dim=0)
        return Activations(most, torch.stack([part.mean for part in parts]).mean(dim=0))

    return BlockActivations(*(joined(field.name) for field in fields(BlockActivations)))
