"""Blocks of the 3D U-Net that count their features in bytes."""

import copy
from typing import cast

import torch
from torch import Tensor, nn

from models.activations import LOOKED_AT, BlockActivations
from models.fused_block import FusedBlock
from models.fused_convolution import convolved
from models.int8_convolution import COUNTS, Int8Convolution, steps_of

CLIPPED_MOST = 2e-3
"""Share of the numbers looked at in a block that may be as large as a byte can be."""
ROOM = 1.5
"""How much larger than all that was seen what the later convolutions of a block on the way up write may be."""


class TooLargeError(Exception):
    """Features do not fit into bytes: the images are unlike those by which the network was made ready."""


class Int8Block(nn.Module):
    """A block on the way down: reads and writes counts; in the finest level it reads the image.

    Parameters
    ----------
    block : FusedBlock
        Of a flat level, float32.
    seen : BlockActivations
        What it reads and writes.
    read : Tensor, optional
        What one count of each channel is worth that it reads, (channel); by default it reads bfloat16.
    """

    def __init__(self, block: FusedBlock, seen: BlockActivations, read: Tensor | None = None) -> None:
        super().__init__()
        self.steps = steps_of(seen.entry.most, seen.outer.most)
        self.entry = (
            _Counting(block.entry, self.steps)
            if read is None
            else Int8Convolution(block.entry, read=read, written=self.steps, mean=seen.read.mean)
        )
        self.residual = _Residual(block, seen, self.steps)

    def forward(self, features: Tensor) -> Tensor:
        """Map (batch, channel, z, y, x) to uint8."""
        return self.residual(self.entry(features))  # type: ignore[no-any-return]  # nn.Module.__call__ is untyped


class Int8Join(nn.Module):
    """A block on the way up: reads bfloat16 sums, counts in between, and writes bfloat16 counts.

    Parameters
    ----------
    block : FusedBlock
        Of a flat level, float32.
    seen : BlockActivations
        What it reads and writes.
    read : Tensor
        What its sums are counted in, (channel).

    Notes
    -----
    What comes from the coarse levels is many times as large in some places as in others. Therefore a count is worth
    more where what the first convolution writes asks for it.
    """

    def __init__(self, block: FusedBlock, seen: BlockActivations, read: Tensor) -> None:
        super().__init__()
        self.steps = steps_of(seen.entry.most, seen.outer.most)
        self.entry = rescaled(block.entry, read=read, written=self.steps).to(torch.bfloat16)
        self.residual = _Residual(block, seen, self.steps)

    def forward(self, sums: Tensor) -> Tensor:
        """Map (batch, channel, z, y, x) to the same extents."""
        entered = convolved(sums, self.entry)
        factor = ROOM * max(1.0, float(entered.amax()) / COUNTS)
        counts: Tensor = self.residual(_in_bytes(entered.mul_(1.0 / factor).add_(0.5)), factor)
        return counts.to(entered.dtype).mul_(factor)


class _Residual(nn.Module):
    """The two convolutions of a block that are added to what its first one wrote."""

    def __init__(self, block: FusedBlock, seen: BlockActivations, steps: Tensor) -> None:
        super().__init__()
        between = steps_of(seen.inner.most)
        self.inner = Int8Convolution(block.inner, read=steps, written=between, mean=seen.entry.mean)
        self.outer = Int8Convolution(block.outer, read=between, written=steps, mean=seen.inner.mean)

    def forward(self, entered: Tensor, factor: float = 1.0) -> Tensor:
        written = self.outer.added(entered, self.inner(entered, factor), factor)
        looked_at = written[..., ::LOOKED_AT, ::LOOKED_AT]
        if (looked_at == COUNTS).sum() > CLIPPED_MOST * looked_at.numel():
            raise TooLargeError
        return written


class _Counting(nn.Module):
    """A convolution of an image that counts what it writes."""

    def __init__(self, convolution: nn.Conv3d, steps: Tensor) -> None:
        super().__init__()
        self.convolution = rescaled(convolution, written=steps, offset=0.5).to(torch.bfloat16)

    def forward(self, image: Tensor) -> Tensor:
        return _in_bytes(convolved(image, self.convolution).clamp_(max=COUNTS))


def rescaled(
    convolution: nn.Conv3d, *, read: Tensor | None = None, written: Tensor | None = None, offset: float = 0.0
) -> nn.Conv3d:
    """Copy a convolution for other units of its channels, (channel), with an offset in the new unit."""
    of_read = 1.0 if read is None else read[:, None, None, None]
    of_written = torch.ones(convolution.out_channels) if written is None else written
    other = copy.deepcopy(convolution)
    weight = convolution.weight * of_read / of_written[:, None, None, None, None]
    bias = cast(Tensor, convolution.bias) / of_written + offset
    other.weight, other.bias = nn.Parameter(weight, requires_grad=False), nn.Parameter(bias, requires_grad=False)
    return other


def _in_bytes(counts: Tensor) -> Tensor:
    """Give numbers from 0 to 255, which are used up, without their fractions."""
    # by way of int16, in place, since torch takes three times as long to make bytes of bfloat16 directly
    return counts.view(torch.int16).copy_(counts).to(torch.uint8)
