"""The U-Net with dilated branches in its anisotropic levels, which sees far in the plane: the predecessor's net B."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, PositiveInt
from torch import Tensor, nn
from torch.nn import functional

from models.blocks3d import Convolution3d, ResidualBlock3d, kaiming, on_grid, rounded_up
from models.readout import OUTPUTS, TargetName
from models.unet3d import Zyx

_POOLS: tuple[Zyx, ...] = ((1, 2, 2), (1, 2, 2), (1, 2, 2), (2, 2, 2))
_ANISOTROPIC_LEVELS = 3
_BRANCHES_PX = ((1,), (1, 2), (1, 2, 4), (1, 2, 4, 8))
_CUBE: Zyx = (3, 3, 3)
_PLANE: Zyx = (1, 3, 3)
_GRID = (2, 16)


class DilatedConfig(BaseModel):
    """Everything that decides the shape of a dilated 3D U-Net; stored in each of its checkpoints."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    architecture: Literal["dilated"] = "dilated"
    """Which class of network this lays out."""
    channels: tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt, PositiveInt] = (32, 64, 64, 96, 96)
    """Feature channels of each level, finest first."""
    target: TargetName = "membrane"
    """What it draws; the membrane is read from that."""

    @property
    def context_sections(self) -> int:
        """Sections that the input needs before the first and after the last output section: none."""
        return 0

    @property
    def grid(self) -> tuple[int, int]:
        """What the extents of the output should be multiples of: (sections, y-x px)."""
        return _GRID

    @property
    def reach(self) -> tuple[int, int]:
        """How far an output voxel looks: (sections, px), rounded up to the grid."""
        z, px, scale_z, scale_px = 0, 1, 1, 1
        for level in range(len(self.channels)):
            block_z, block_px = (1, 1 + sum(_BRANCHES_PX[-1])) if level < _ANISOTROPIC_LEVELS else (3, 3)
            finer = level < len(_POOLS)
            z += (2 * block_z + 1 if finer else block_z) * scale_z
            px += (2 * block_px + 1 if finer else block_px) * scale_px
            if finer:
                pool = _POOLS[level]
                # trilinear upsampling reads the neighbouring coarse cell, and a cell spans the pool
                z += 2 * scale_z * pool[0] if pool[0] > 1 else 0
                px += 2 * scale_px * pool[1]
                scale_z, scale_px = scale_z * pool[0], scale_px * pool[1]
        return rounded_up((z, px), self.grid)


NET_B = DilatedConfig()


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

    grid = _GRID

    def __init__(self, config: DilatedConfig = NET_B) -> None:
        super().__init__()
        self.config = config
        widths, entries = config.channels, (1, *config.channels[:-1])
        finer = range(len(_POOLS))
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
                features = functional.max_pool3d(features, _POOLS[level - 1])
            features = block(features)
            skips.append(features)
        for level in reversed(range(len(self.up))):
            factor = tuple(float(size) for size in _POOLS[level])
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
            for dilations in _BRANCHES_PX
        )
        self.normalisation = nn.BatchNorm3d(channels)

    def forward(self, features: Tensor) -> Tensor:
        features = self.entry(features)
        summed = features
        for branch in self.branches:
            summed = summed + branch(features)
        return functional.elu(self.normalisation(summed))


def _block(level: int, channels_in: int, channels: int) -> nn.Module:
    if level < _ANISOTROPIC_LEVELS:
        return _DilatedBlock(channels_in, channels)
    return ResidualBlock3d(channels_in, channels, _CUBE, activation=nn.ELU())
