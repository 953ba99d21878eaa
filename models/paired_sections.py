"""Convolutions over three sections that give two neighbouring sections by four products instead of six.

That is Winograd's F(2, 3) along z. With sections 2 i - 1 to 2 i + 2 called a, b, c, d and the kernel's parts f, g, h,
section 2 i is s + t + (a - c) f and section 2 i + 1 is s - t + (d - b) h, where s = (b + c) (f + g + h) / 2 and
t = (c - b) (f - g + h) / 2. Between the convolutions of a block even and odd sections stay apart.
"""

import torch
from torch import Tensor, nn

from models.fused_convolution import added

PAIRS_AT_ONCE = 4
"""Few, so that sums and differences are still in the processor's caches when they are convolved."""

Pairs = tuple[Tensor, Tensor]
"""Even sections and zeros after them, zeros and odd sections after them; each (pairs + 1, channel, 1, y, x)."""


class PairedConvolution(nn.Module):
    """A convolution over three sections, then ReLU.

    Parameters
    ----------
    convolution : Conv3d
        Pads to keep the extents.
    """

    def __init__(self, convolution: nn.Conv3d) -> None:
        super().__init__()
        first, middle, last = (convolution.weight[:, :, z : z + 1] for z in range(3))
        self.first, self.last = _flat(first), _flat(last)
        self.sums, self.differences = _flat((first + middle + last) / 2), _flat((first - middle + last) / 2)
        self.sums.bias = convolution.bias

    def forward(self, pairs: Pairs, residual: Pairs | None = None) -> Pairs:
        """Convolve; before the ReLU add to `residual`, in place, if there is one."""
        even, odd = pairs
        results = residual or room_for(even, channels=self.sums.out_channels, pairs=len(even) - 1)
        for start in range(0, len(even) - 1, PAIRS_AT_ONCE):
            stop = min(start + PAIRS_AT_ONCE, len(even) - 1)
            here, next_ = slice(start, stop), slice(start + 1, stop + 1)
            evens, odds = results[0][here], results[1][next_]
            sums, differences = self.sums(even[here] + odd[next_]), self.differences(odd[next_] - even[here])
            if residual is None:
                torch.add(sums, differences, out=evens)
                torch.sub(sums, differences, out=odds)
            else:
                evens.add_(sums).add_(differences)
                odds.add_(sums).sub_(differences)
            added(evens, odd[here] - odd[next_], self.first, activation="relu")
            added(odds, even[next_] - even[here], self.last, activation="relu")
        return results


def parted(features: Tensor) -> Pairs:
    """Part (1, channel, z, y, x), of which z is even."""
    sections = features.transpose(0, 2)
    even, odd = room_for(sections, channels=sections.shape[1], pairs=len(sections) // 2)
    even[:-1], odd[1:] = sections[::2], sections[1::2]
    return even, odd


def merged(pairs: Pairs) -> Tensor:
    """Undo `parted`."""
    even, odd = pairs[0][:-1], pairs[1][1:]
    sections = torch.empty((2 * len(even), *even.shape[1:]), dtype=even.dtype, memory_format=torch.channels_last_3d)
    sections[::2], sections[1::2] = even, odd
    return sections.transpose(0, 2)


def room_for(sections: Tensor, *, channels: int, pairs: int) -> Pairs:
    """Make room for pairs that have the extents of `sections` (section, channel, 1, y, x), with the zeros in place."""
    shape = (pairs + 1, channels, *sections.shape[2:])
    even, odd = (torch.empty(shape, dtype=sections.dtype, memory_format=torch.channels_last_3d) for _ in range(2))
    even[-1], odd[0] = 0.0, 0.0
    return even, odd


def _flat(kernel: Tensor) -> nn.Conv3d:
    """Make a convolution of single sections, without bias, of a kernel (channels, channels_in, 1, y, x)."""
    channels, channels_in, _, height, width = kernel.shape
    padding = (0, height // 2, width // 2)
    # on no device, so that no first weights are drawn
    flat = nn.Conv3d(channels_in, channels, (1, height, width), padding=padding, bias=False, device="meta")
    flat.weight = nn.Parameter(kernel.clone())
    return flat
