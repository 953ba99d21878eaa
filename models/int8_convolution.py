"""Convolutions of features that are counted in bytes, by weights that are bytes too.

Where a processor multiplies bytes twice as fast as bfloat16, they take half the time.
"""

from typing import cast

import torch
from torch import Tensor, nn

COUNTS = 255
"""The largest number of a byte."""
WEIGHTS = 127
"""The largest of a weight."""
OWN_SHARE = 0.25
"""Of the logarithm of a channel's step, how much is its own; 0 is the same step for all channels."""


def steps_of(*most: Tensor) -> Tensor:
    """Choose what one count of each channel is worth, so that all that is `most` (channel) can be counted.

    With each channel's own step the next convolution's weights would hardly be comparable, with one step for all small
    channels would have few counts. As Nagel et al. (2019) and Xiao et al. (2023) share out what rounding costs, it lies
    in between, by a power that was tried out.
    """
    largest = torch.stack(most).amax(dim=0)
    return largest**OWN_SHARE * largest.amax() ** (1.0 - OWN_SHARE) / COUNTS


class Int8Convolution(nn.Module):
    """A convolution of single sections, then ReLU, that maps counts to counts.

    Parameters
    ----------
    convolution : Conv3d
        Kernel (1, y, x), float32; pads to keep the extents.
    read, written : Tensor
        What one count of each channel is worth, before and after; (channel).
    mean : Tensor
        Of what is read, (channel), in its own unit: what the rounding of the weights adds on average is taken off.
    """

    def __init__(self, convolution: nn.Conv3d, *, read: Tensor, written: Tensor, mean: Tensor) -> None:
        super().__init__()
        weight = convolution.weight[:, :, 0] * read[:, None, None] / written[:, None, None, None]
        step = weight.abs().amax(dim=(1, 2, 3)).clamp(min=torch.finfo(torch.float32).tiny) / WEIGHTS
        rounded = (weight / step[:, None, None, None]).round()
        added_by_rounding = (rounded * step[:, None, None, None] - weight).sum(dim=(2, 3)) @ (mean / read)
        # attributes and no buffers, since these stay as they are where a network's numbers change their format
        self.bias = cast(Tensor, convolution.bias) / written - added_by_rounding
        self.step, self.zero = step, torch.zeros(len(step), dtype=torch.int32)
        self.geometry = ([1, 1], list(convolution.padding[1:]), [1, 1], 1)
        self.weight = torch.ops.onednn.qconv_prepack(rounded.to(torch.int8), step, 1.0, 0, *self.geometry, None)

    def forward(self, counts: Tensor, factor: float = 1.0) -> Tensor:
        """Map uint8 (batch, channel, z, y, x) to uint8, where a count is worth `factor` times what it usually is."""
        arguments = (_sections(counts), 1.0, 0, self.weight, self.step, self.zero, self.bias / factor, *self.geometry)
        written = torch.ops.onednn.qconv2d_pointwise(*arguments, 1.0, 0, torch.uint8, "relu", [], "")
        return _stacks(written, len(counts))

    def added(self, target: Tensor, counts: Tensor, factor: float = 1.0) -> Tensor:
        """Add to `target`, uint8, in place, before the ReLU."""
        bias, sum_into = self.bias / factor, _sections(target)
        arguments = (_sections(counts), 1.0, 0, self.weight, self.step, self.zero, sum_into, bias, *self.geometry)
        written = torch.ops.onednn.qconv2d_pointwise.binary(
            *arguments, 1.0, 0, torch.uint8, 1.0, 0, "sum", 1.0, "relu", [], ""
        )
        return _stacks(written, len(counts))


def _sections(stacks: Tensor) -> Tensor:
    """View (batch, channel, z, y, x) as (section, channel, y, x), channels last."""
    batch, channels, depth, height, width = stacks.shape
    strides = (height * width * channels, 1, width * channels, channels)
    dense = stacks.contiguous(memory_format=torch.channels_last_3d)
    return dense.as_strided((batch * depth, channels, height, width), strides)


def _stacks(sections: Tensor, batch: int) -> Tensor:
    """Undo `_sections`."""
    # not by `unflatten`, which gives a single section strides that torch does not take for channels last
    _, channels, height, width = sections.shape
    depth, section = len(sections) // batch, height * width * channels
    strides = (depth * section, 1, section, width * channels, channels)
    dense = sections.contiguous(memory_format=torch.channels_last)
    return dense.as_strided((batch, channels, depth, height, width), strides)
