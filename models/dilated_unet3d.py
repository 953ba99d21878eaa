"""The U-Net with dilated branches in its anisotropic levels, which sees far in the plane: the predecessor's net B."""

from torch import Tensor, nn
from torch.nn import functional

from models.blocks3d import Convolution3d, ResidualBlock3d, kaiming, on_grid
from models.layout_dilated import ANISOTROPIC_LEVELS, BRANCHES_PX, GRID, NET_B, POOLS, DilatedConfig
from models.layout_unet3d import Zyx
from models.readout import OUTPUTS

_CUBE: Zyx = (3, 3, 3)
_PLANE: Zyx = (1, 3, 3)


class DilatedUNet3d(nn.Module):
    """Residual U-Net with summed skips, whose first three levels have dilated branches.

    Maps images in [0, 1], (batch, 1, z, y, x) of any extents, to what `config.target` says, (batch, channel, z, y, x).
    Extents that are no multiples of `grid` are padded inside.

    Parameters
    ----------
    config : DilatedConfig
        The layout; by default the predecessor's. Weights are drawn by Kaiming's rule from torch's global generator.

    Notes
    -----
    The predecessor's description leaves open which levels are anisotropic and where biases stand. This reading has
    exactly its 4,821,825 weights: anisotropic blocks in levels 0 to 2 of both paths, plain residual blocks of
    (3, 3, 3) below, as in net A; every convolution normalised and without bias but the last; upsampling by a
    (3, 3, 3) convolution.
    """

    grid = GRID

    def __init__(self, config: DilatedConfig = NET_B) -> None:
        super().__init__()
        self.config = config
        widths, entries = config.channels, (1, *config.channels[:-1])
        finer = range(len(POOLS))
        self.down = nn.ModuleList(_block(level, entries[level], width) for level, width in enumerate(widths))
        self.up = nn.ModuleList(
            Convolution3d(widths[level + 1], widths[level], _CUBE, activation=nn.ELU()) for level in finer
        )
        self.join = nn.ModuleList(_block(level, widths[level], widths[level]) for level in finer)
        self.head = nn.Conv3d(widths[0], OUTPUTS[config.target], _PLANE, padding=(0, 1, 1))
        kaiming(self)

    def forward(self, image: Tensor) -> Tensor:
        """Draw the target of `image`."""
        return on_grid(self._on_grid, (image - 0.5) * 4.0, self.grid)

    def _on_grid(self, features: Tensor) -> Tensor:
        skips: list[Tensor] = []
        for level, block in enumerate(self.down):
            if level:
                features = functional.max_pool3d(features, POOLS[level - 1])
            features = block(features)
            skips.append(features)
        for level in reversed(range(len(self.up))):
            factor = tuple(float(size) for size in POOLS[level])
            finer = functional.interpolate(features, scale_factor=factor, mode="trilinear", align_corners=False)
            features = self.join[level](self.up[level](finer) + skips[level])
        drawn: Tensor = self.head(features)
        return drawn


class _DilatedBlock(nn.Module):
    """A (3, 3, 3) convolution, then four parallel chains of dilated (1, 3, 3) ones, added to what it gave."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.entry = Convolution3d(channels_in, channels, _CUBE, activation=nn.ELU())
        self.branches = nn.ModuleList(
            nn.Sequential(
                *(
                    Convolution3d(channels, channels, _PLANE, activation=nn.ELU(), dilation_px=dilation)
                    for dilation in dilations
                )
            )
            for dilations in BRANCHES_PX
        )
        self.normalisation = nn.BatchNorm3d(channels)

    def forward(self, features: Tensor) -> Tensor:
        features = self.entry(features)
        summed = features
        for branch in self.branches:
            summed = summed + branch(features)
        return functional.elu(self.normalisation(summed))


def _block(level: int, channels_in: int, channels: int) -> nn.Module:
    if level < ANISOTROPIC_LEVELS:
        return _DilatedBlock(channels_in, channels)
    return ResidualBlock3d(channels_in, channels, _CUBE, activation=nn.ELU())
