"""The residual 3D U-Net that turns EM into membrane logits: summed skips, anisotropic first levels."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.layout_unet3d import NetworkConfig, Zyx
from models.readout import OUTPUTS


class Convolution(nn.Module):
    """Convolution, batch normalisation and ReLU."""

    def __init__(self, channels_in: int, channels_out: int, kernel: Zyx, *, pad_z: bool = True) -> None:
        super().__init__()
        padding = (kernel[0] // 2 if pad_z else 0, kernel[1] // 2, kernel[2] // 2)
        self.convolution = nn.Conv3d(channels_in, channels_out, kernel, padding=padding, bias=False)
        self.normalisation = nn.BatchNorm3d(channels_out)

    def forward(self, features: Tensor) -> Tensor:
        """Map (batch, channels_in, z, y, x) to (batch, channels_out, z, y, x)."""
        return functional.relu(self.normalisation(self.convolution(features)))


class Block(nn.Module):
    """A convolution that sets the channels, then a residual unit of two."""

    def __init__(self, channels_in: int, channels: int, kernel: Zyx, *, stem_sections: int | None = None) -> None:
        super().__init__()
        entry = kernel if stem_sections is None else (stem_sections, kernel[1], kernel[2])
        self.entry = Convolution(channels_in, channels, entry, pad_z=stem_sections is None)
        self.inner = Convolution(channels, channels, kernel)
        padding = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
        self.outer = nn.Conv3d(channels, channels, kernel, padding=padding, bias=False)
        self.normalisation = nn.BatchNorm3d(channels)

    def forward(self, features: Tensor) -> Tensor:
        """Map (batch, channels_in, z, y, x) to (batch, channels, z, y, x)."""
        features = self.entry(features)
        return functional.relu(self.normalisation(self.outer(self.inner(features))) + features)


class Up(nn.Module):
    """Trilinear upsampling, then a convolution to the finer level's channels, then the sum with its features."""

    def __init__(self, channels_in: int, channels: int, kernel: Zyx, pool: Zyx) -> None:
        super().__init__()
        self.factor = tuple(float(size) for size in pool)
        padding = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
        self.convolution = nn.Conv3d(channels_in, channels, kernel, padding=padding)

    def forward(self, features: Tensor, finer: Tensor) -> Tensor:
        """Bring (batch, channels_in, z, y, x) to the shape of `finer` and add that."""
        upsampled = functional.interpolate(features, scale_factor=self.factor, mode="trilinear", align_corners=False)
        return self.convolution(upsampled) + finer  # type: ignore[no-any-return]  # nn.Module.__call__ is untyped


class UNet3d(nn.Module):
    """Residual U-Net with summed skips.

    Parameters
    ----------
    config : NetworkConfig
        The layout. Weights are drawn by Kaiming's rule from torch's global generator.

    Notes
    -----
    Maps images in [0, 1], (batch, 1, z + 2 * context_sections, y, x), to what `config.target` says, as logits or
    px, (batch, channel, z, y, x); z, y, x are multiples of `config.grid`. The layout (not the code) is that of Lee,
    Zung, Li, Jain and Seung, "Superhuman accuracy on the SNEMI3D connectomics challenge", 2017, in the predecessor's
    proportions.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        widths, folded = config.channels, config.fold**2
        entries = (folded, *widths[:-1])
        self.down = nn.ModuleList(
            Block(
                entries[level], width, config.kernels[level], stem_sections=config.stem_sections if level == 0 else None
            )
            for level, width in enumerate(widths)
        )
        finer = range(len(config.pools))
        self.up = nn.ModuleList(
            Up(widths[level + 1], widths[level], config.kernels[level], config.pools[level]) for level in finer
        )
        self.join = nn.ModuleList(Block(widths[level], widths[level], config.kernels[level]) for level in finer)
        self.head = nn.Conv3d(widths[0], OUTPUTS[config.target] * folded, (1, 3, 3), padding=(0, 1, 1))
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, image: Tensor) -> Tensor:
        """Draw the target of `image`."""
        features = fold_pixels((image - 0.5) * 4.0, self.config.fold)
        skips: list[Tensor] = []
        for level, block in enumerate(self.down):
            if level:
                pool = self.config.pools[level - 1]
                features = functional.max_pool3d(features, pool, pool)
            features = block(features)
            skips.append(features)
        for level in reversed(range(len(self.up))):
            features = self.join[level](self.up[level](features, skips[level]))
        return unfold_pixels(self.head(features), self.config.fold)


def fold_pixels(image: Tensor, edge: int) -> Tensor:
    """Move the pixels of each edge x edge square into channels."""
    if edge == 1:
        return image
    batch, _, z, y, x = image.shape
    squares = image.reshape(batch, z, y // edge, edge, x // edge, edge).permute(0, 3, 5, 1, 2, 4)
    return squares.reshape(batch, edge * edge, z, y // edge, x // edge).contiguous(memory_format=torch.channels_last_3d)


def unfold_pixels(folded: Tensor, edge: int) -> Tensor:
    """Undo `fold_pixels`."""
    if edge == 1:
        return folded
    batch, _, z, y, x = folded.shape
    squares = folded.reshape(batch, -1, edge, edge, z, y, x).permute(0, 1, 4, 5, 2, 6, 3)
    return squares.reshape(batch, -1, z, y * edge, x * edge)
