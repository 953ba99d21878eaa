"""Upsampling and the convolution after it, in few operations: most of them before the upsampling.

Linear upsampling by 2 puts a zero after each pixel, then smooths by (1, 3, 3, 1) / 4. A convolution may as well come
between the two: without the zeros that is a transposed convolution, a quarter of the products, and what is left to
smooth has the channels of the finer level.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.fused_convolution import added, by_onednn

SMOOTHING = (0.25, 0.75, 0.75, 0.25)
"""Of pixels with zeros between them, so that the result is linear upsampling."""
ENDS = ((slice(0, 1), slice(0, 1)), (slice(-1, None), slice(2, 3)))
"""The first pixels and the part of a kernel of 3 that reaches beyond them; the last ones."""


class FusedUp(nn.Module):
    """An `Up`, of these parts, that adds to the finer features in place."""

    def __init__(self, factor: tuple[float, ...], convolution: nn.Conv3d) -> None:
        super().__init__()
        self.factor, self.convolution = factor, convolution
        halves = self.factor[1:] == (2.0, 2.0) and self.convolution.kernel_size[1:] == (3, 3)
        self.swapped = _Swapped(self.convolution) if halves else None

    def forward(self, features: Tensor, finer: Tensor) -> Tensor:
        """Bring (batch, channels_in, z, y, x) to the shape of `finer`, which may be bytes, and add it to that."""
        # depthwise convolutions, of which the other way has one, are slow elsewhere
        if self.swapped is None or not by_onednn(features):
            return added(finer.to(features.dtype), _upsampled(features, self.factor), self.convolution, activation=None)
        return self.swapped(_upsampled(features, (self.factor[0], 1.0, 1.0)), finer)  # type: ignore[no-any-return]


class _Swapped(nn.Module):
    """Upsampling by 2 along y and x after the products of its convolution, of 3 x 3 px.

    Upsampling repeats the outermost pixels, and the convolution sees zeros beyond them. Here both see repeated pixels,
    and what the convolution has made of the ring beyond is taken off again.
    """

    def __init__(self, convolution: nn.Conv3d) -> None:
        super().__init__()
        self.pad_z = convolution.kernel_size[0] // 2
        self.weight, channels = convolution.weight, convolution.out_channels
        self.spreading = nn.Parameter(self.weight.transpose(0, 1).flip(2, 3, 4).contiguous())
        along = torch.tensor(SMOOTHING)
        smoothing = torch.outer(along, along).to(self.weight).expand(channels, 1, 1, 4, 4)
        # on no device, so that no first weights are drawn
        self.smoothing = nn.Conv3d(channels, channels, (1, 4, 4), groups=channels, device="meta")
        self.smoothing.weight, self.smoothing.bias = nn.Parameter(smoothing.contiguous()), convolution.bias

    def forward(self, features: Tensor, finer: Tensor) -> Tensor:
        wider = functional.pad(features, (1, 1, 1, 1, 0, 0), mode="replicate")
        spread = functional.conv_transpose3d(wider, self.spreading, stride=(1, 2, 2), padding=(self.pad_z, 1, 1))
        # only now, so that it is still in the processor's caches
        finer = finer.to(features.dtype)
        added(finer, spread, self.smoothing, activation=None)
        for end, beyond in ENDS:
            row = _upsampled(features[..., end, :], (1.0, 1.0, 2.0))
            corners = functional.pad(row, (1, 1, 0, 0, 0, 0), mode="replicate")
            finer[..., end, :] -= self._convolved(corners, self.weight[..., beyond, :], pad_y=0)
            column = _upsampled(features[..., end], (1.0, 2.0, 1.0))
            finer[..., end] -= self._convolved(column, self.weight[..., beyond], pad_y=1)
        return finer

    def _convolved(self, side: Tensor, weight: Tensor, *, pad_y: int) -> Tensor:
        return functional.conv3d(side, weight, padding=(self.pad_z, pad_y, 0))


def _upsampled(features: Tensor, factor: tuple[float, ...]) -> Tensor:
    if factor == (1.0, 1.0, 1.0):
        return features
    if factor[0] > 1 or len(features) > 1:
        return functional.interpolate(features, scale_factor=factor, mode="trilinear", align_corners=False)
    # the sections as a batch, which is a view and takes half the time
    sections = features[0].transpose(0, 1)
    finer = functional.interpolate(sections, scale_factor=factor[1:], mode="bilinear", align_corners=False)
    return finer.transpose(0, 1)[None]
