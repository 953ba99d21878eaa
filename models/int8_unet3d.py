"""The 3D U-Net with most of its flat levels in bytes."""

import copy
from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from loop.errors import InputError
from models.activations import BlockActivations, flat_activations
from models.fused_block import FusedBlock
from models.fused_head import LANES
from models.fused_unet3d import FusedUNet3d
from models.fused_up import FusedUp
from models.int8_block import Int8Block, Int8Join, TooLargeError, rescaled
from models.layout_unet3d import NetworkConfig
from models.layouts import Layout


class Int8UNet3d(nn.Module):
    """A `FusedUNet3d` whose flat levels count features in bytes on the way down, and but for the finest also up.

    Sums after upsampling stay bfloat16, and so does all that looks along z: in some places they are many times as large
    as in others, and bytes would do for one of the two. The finest block on the way up, whose rounding nothing evens
    out any more, stays bfloat16 as well.

    Parameters
    ----------
    network : FusedUNet3d
        In float32, on a processor.
    rounded : FusedUNet3d
        The same in bfloat16: for images whose features do not fit into bytes, and for what stays as it is.
    seen : mapping
        By `flat_activations`.
    """

    def __init__(self, network: FusedUNet3d, rounded: FusedUNet3d, seen: Mapping[str, BlockActivations]) -> None:
        super().__init__()
        self.config = network.config
        self.whole = rounded
        self.counting = _counting(network, rounded, seen)

    def forward(self, image: Tensor) -> Tensor:
        """Draw the target of `image`, as `FusedUNet3d` does."""
        try:
            return self.counting(image)  # type: ignore[no-any-return]  # nn.Module.__call__ is untyped
        except TooLargeError:
            return self.whole(image)  # type: ignore[no-any-return]


def int8_can_pay(network: nn.Module) -> bool:
    """Tell whether a network has flat levels that fill a processor's lanes, and runs on one that multiplies bytes fast.

    With the 24 and 40 channels of the cpu preset, what bytes gain is spent on making them.
    """
    return (
        isinstance(network, FusedUNet3d)
        and network.config.flat_levels > 0
        and all(width % LANES == 0 for width in network.config.channels[: network.config.flat_levels])
        and next(network.parameters()).device.type == "cpu"
        # torch's own name for the instructions, which do not saturate in between as older ones do
        and torch.cpu._is_vnni_supported()
    )


def in_int8(network: nn.Module, rounded: nn.Module, pieces: Sequence[Tensor]) -> Int8UNet3d:
    """Make a network count in bytes.

    Parameters
    ----------
    network, rounded : FusedUNet3d
        In float32 and in bfloat16.
    pieces : sequence of Tensor
        What tells how large features get: images of one shape in bfloat16, (1, 1, z, y, x).

    Raises
    ------
    InputError
        `network` or this processor cannot be.
    """
    if not int8_can_pay(network):
        layout = cast(Layout, network.config)
        widths = f"{layout.channels} channels" if isinstance(layout, NetworkConfig) else layout.architecture
        raise InputError(
            "this network cannot be predicted in int8 here",
            given=f"{widths} on {next(network.parameters()).device}",
            expected=f"a U-Net with multiples of {LANES} channels in its flat levels, on a processor with VNNI",
            fix="give precision auto; what was begun in int8 goes on on such a processor, or is made anew",
        )
    network, rounded = cast(FusedUNet3d, network), cast(FusedUNet3d, rounded)
    images = torch.cat(list(pieces)).contiguous(memory_format=torch.channels_last_3d)
    return Int8UNet3d(network, rounded, flat_activations(rounded, images))


def _counting(network: FusedUNet3d, rounded: FusedUNet3d, seen: Mapping[str, BlockActivations]) -> FusedUNet3d:
    counting, flat = copy.deepcopy(rounded), network.config.flat_levels
    down, join = cast(Sequence[FusedBlock], network.down), cast(Sequence[FusedBlock], network.join)
    steps: list[Tensor] = []
    for level in range(flat):
        block = Int8Block(down[level], seen[f"down.{level}"], steps[-1] if steps else None)
        counting.down[level] = block
        steps.append(block.steps)
    counting.down[flat] = _FromCounts(counting.down[flat], steps[-1])
    coarser = None
    for level in reversed(range(flat)):
        up = cast(FusedUp, network.up[level])
        added = rescaled(up.convolution, read=coarser, written=steps[level])
        counting.up[level] = FusedUp(up.factor, added).to(torch.bfloat16)
        if level:
            block_up = Int8Join(join[level], seen[f"join.{level}"], steps[level])
            counting.join[level], coarser = block_up, block_up.steps
        else:
            finest = cast(FusedBlock, counting.join[level])
            finest.entry = rescaled(join[level].entry, read=steps[level]).to(torch.bfloat16)
    return counting.to(memory_format=torch.channels_last_3d)  # type: ignore[no-any-return, call-overload]


class _FromCounts(nn.Module):
    """A block that reads counts as what they are worth."""

    def __init__(self, block: nn.Module, steps: Tensor) -> None:
        super().__init__()
        self.block, self.steps = block, steps[:, None, None, None].to(torch.bfloat16)

    def forward(self, counts: Tensor) -> Tensor:
        return self.block(counts * self.steps)  # type: ignore[no-any-return]
