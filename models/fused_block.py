"""A block of the 3D U-Net in few passes over memory."""

from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from models.fused_convolution import added, by_onednn, convolved
from models.paired_sections import PairedConvolution, merged, parted
from models.unet3d import Block


class FusedBlock(nn.Module):
    """A `Block` in three passes over memory."""

    def __init__(self, block: Block) -> None:
        super().__init__()
        self.entry = fuse_conv_bn_eval(block.entry.convolution, block.entry.normalisation)
        self.inner = fuse_conv_bn_eval(block.inner.convolution, block.inner.normalisation)
        self.outer = fuse_conv_bn_eval(block.outer, block.normalisation)
        convolutions = (self.entry, self.inner, self.outer)
        along_z = all(each.kernel_size[0] == 3 and each.padding[0] == 1 for each in convolutions)
        self.paired = nn.ModuleList(map(PairedConvolution, convolutions)) if along_z else None

    def forward(self, features: Tensor) -> Tensor:
        """Map (batch, channels_in, z, y, x) to (batch, channels, z, y, x)."""
        if self.paired is not None and len(features) == 1 and features.shape[2] % 2 == 0 and by_onednn(features):
            entry, inner, outer = self.paired
            pairs = entry(parted(features))
            return merged(outer(inner(pairs), residual=pairs))
        features = convolved(features, self.entry)
        return added(features, convolved(features, self.inner), self.outer, activation="relu")
