"""The 3D U-Net made ready to predict: few passes over memory, and the levels that do not look along z in slabs."""

from functools import reduce
from typing import cast

import torch
from torch import Tensor, nn

from models.fused_block import FusedBlock
from models.fused_head import FusedHead
from models.fused_up import FusedUp
from models.unet3d import Block, UNet3d, Up, fold_pixels, unfold_pixels

# keeps the largest features under 32 MiB, from where on the C library fetches every array anew from the system
PIXELS_AT_ONCE = 2**18


class FusedUNet3d(nn.Module):
    """What a `UNet3d` in evaluation mode computes, without gradients.

    Batch normalisation is worked into the convolution before it (Markus, "Fusing batch normalization and convolution
    in runtime", 2018), sums and ReLU happen while a convolution writes its result, and the finest levels, which treat
    each section by itself, run a few sections at a time, so that of all sections only their results are kept.

    Parameters
    ----------
    network : UNet3d
        Its weights are shared where they are not changed, never altered.
    """

    def __init__(self, network: UNet3d) -> None:
        super().__init__()
        self.config = network.config
        self.down = nn.ModuleList(FusedBlock(cast(Block, block)) for block in network.down)
        self.up = nn.ModuleList(FusedUp(up.factor, up.convolution) for up in cast(list[Up], network.up))
        self.join = nn.ModuleList(FusedBlock(cast(Block, block)) for block in network.join)
        # a refiner's net A has lost its head
        self.head = FusedHead(network.head) if isinstance(network.head, nn.Conv3d) else network.head
        self.requires_grad_(requires_grad=False)

    def forward(self, image: Tensor) -> Tensor:
        """Draw the target of `image`, as `UNet3d` does."""
        features = fold_pixels((image - 0.5) * 4.0, self.config.fold)
        flat, context = self.config.flat_levels, 2 * self.config.context_sections
        slabs = _slabs(features.shape, context)
        skips = [self._down(features[:, :, slab.start : slab.stop + context], flat) for slab in slabs]
        coarse = self._around(_joined([found.pop() for found in skips]), flat)
        drawn = [self.head(self._up(coarse[:, :, slab], skips.pop(0))) for slab in slabs]
        return unfold_pixels(_joined(drawn), self.config.fold)

    def _down(self, features: Tensor, levels: int) -> list[Tensor]:
        """Give the features of the first levels, and what the next begins with."""
        skips = []
        for level in range(levels):
            features = self.down[level](features)
            skips.append(features)
            features = self._pooled(features, level)
        return [*skips, features]

    def _around(self, features: Tensor, level: int) -> Tensor:
        """Go down from a level to the coarsest, and up to it again."""
        features = self.down[level](features)
        if level == len(self.up):
            return features
        coarser = self._around(self._pooled(features, level), level + 1)
        return self.join[level](self.up[level](coarser, features))  # type: ignore[no-any-return]  # as in UNet3d

    def _up(self, features: Tensor, skips: list[Tensor]) -> Tensor:
        """Come up through the first levels, using up their features."""
        while skips:
            level = len(skips) - 1
            features = self.join[level](self.up[level](features, skips.pop()))
        return features

    def _pooled(self, features: Tensor, level: int) -> Tensor:
        # axis by axis, since torch's pooling also notes where it found each maximum, which takes twice the time
        for axis, size in enumerate(self.config.pools[level], start=2):
            before = (slice(None),) * axis
            features = reduce(torch.maximum, (features[*before, first::size] for first in range(size)))
        return features


def _slabs(shape: torch.Size, context: int) -> list[slice]:
    """Cut the sections of an output into a few at a time."""
    depth = shape[2] - context
    at_once = max(1, PIXELS_AT_ONCE // (shape[0] * shape[3] * shape[4]))
    return [slice(z, min(z + at_once, depth)) for z in range(0, depth, at_once)]


def _joined(slabs: list[Tensor]) -> Tensor:
    return slabs[0] if len(slabs) == 1 else torch.cat(slabs, dim=2)
