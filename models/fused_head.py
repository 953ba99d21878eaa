"""The last convolution, whose few channels leave most of a processor's lanes idle, for squares of pixels at once."""

from typing import cast

from torch import Tensor, nn
from torch.nn import functional

from models.fused_convolution import by_onednn
from models.unet3d import unfold_pixels

LANES = 16
"""Channels that a processor reckons at once."""


class FusedHead(nn.Module):
    """The same as a convolution of 1 x 3 x 3, with all pixels of a square as channels.

    Parameters
    ----------
    convolution : Conv3d
        Pads to keep the extents. If 2 x 2 of its results do not fit into the lanes, it is left as it is.
    """

    def __init__(self, convolution: nn.Conv3d) -> None:
        super().__init__()
        self.convolution = convolution
        self.edge = next((edge for edge in (4, 2) if edge**2 * convolution.out_channels <= LANES), 1)
        if self.edge > 1:
            self.weight = nn.Parameter(_of_squares(convolution.weight, self.edge))
            self.bias = nn.Parameter(cast(Tensor, convolution.bias).repeat_interleave(self.edge**2))

    def forward(self, features: Tensor) -> Tensor:
        """Map (batch, channels_in, z, y, x) to (batch, channels, z, y, x)."""
        edge, (batch, channels, z, y, x) = self.edge, features.shape
        if edge == 1 or y % edge or x % edge or not by_onednn(features):
            return self.convolution(features)  # type: ignore[no-any-return]  # nn.Module.__call__ is untyped
        # pairs along x as channels, which is a view where channels come last
        pairs = features.permute(0, 2, 3, 4, 1).reshape(batch, z, y, x // 2, 2 * channels).permute(0, 4, 1, 2, 3)
        step, beyond = (1, edge, edge // 2), (0, edge, edge // 2)
        squares = functional.conv3d(pairs, self.weight, self.bias, stride=step, padding=beyond)
        # a square begins one pixel after what it is made of, hence the first one lies beyond the border but for a pixel
        first = edge - 1
        return unfold_pixels(squares, edge)[..., first : first + y, first : first + x]


def _of_squares(weight: Tensor, edge: int) -> Tensor:
    """Spread a kernel (channels, channels_in, 1, 3, 3) over what all pixels of a square look at, pairs as channels."""
    channels, channels_in = weight.shape[:2]
    seen = edge + 2
    spread = weight.new_zeros(channels, edge, edge, channels_in, seen, seen)
    for y in range(edge):
        for x in range(edge):
            spread[:, y, x, :, y : y + 3, x : x + 3] = weight[:, :, 0]
    pairs = spread.reshape(channels * edge**2, channels_in, seen, seen // 2, 2).permute(0, 4, 1, 2, 3)
    return pairs.reshape(channels * edge**2, 2 * channels_in, 1, seen, seen // 2)
