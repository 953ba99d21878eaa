"""The residual 3D U-Net that turns EM into membrane logits: summed skips, anisotropic first levels."""

from typing import Literal, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator
from torch import Tensor, nn
from torch.nn import functional

from models.readout import OUTPUTS, TargetName

Zyx = tuple[PositiveInt, PositiveInt, PositiveInt]
Preset = Literal["cpu", "full"]


class NetworkConfig(BaseModel):
    """Everything that decides the shape of a 3D U-Net; stored in each of its checkpoints."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    architecture: Literal["unet3d"] = "unet3d"
    """Which class of network this lays out."""
    channels: tuple[PositiveInt, ...] = Field(min_length=1)
    """Feature channels of each level, finest first."""
    kernels: tuple[Zyx, ...]
    """Convolution kernel (z, y, x) of each level; odd."""
    pools: tuple[Zyx, ...]
    """Pooling factor (z, y, x) between a level and the next coarser one; one fewer than levels."""
    fold: PositiveInt = 1
    """Edge in px of the y-x squares that the stem folds into channels, so that level 0 is that much coarser."""
    stem_sections: PositiveInt = 1
    """Sections that the first convolution joins without padding; odd. The output has that many less one."""
    target: TargetName = "membrane"
    """What it draws; the membrane is read from that."""

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if len(self.kernels) != len(self.channels) or len(self.pools) != len(self.channels) - 1:
            raise ValueError("there must be one kernel a level and one pool between two levels")
        if any(size % 2 == 0 for kernel in (*self.kernels, (self.stem_sections,)) for size in kernel):
            raise ValueError("kernels and stem_sections must be odd")
        if any(pool[1] != pool[2] for pool in self.pools):
            raise ValueError("pools must be square in y and x, since patches and tiles are transposed")
        return self

    @property
    def context_sections(self) -> int:
        """Sections that the input needs before the first and after the last output section."""
        return self.stem_sections // 2

    @property
    def flat_levels(self) -> int:
        """Of how many levels, finest first, each section can be worked on by itself; the coarsest is none of them."""
        looks = (kernel[0] > 1 or pool[0] > 1 for kernel, pool in zip(self.kernels, self.pools, strict=False))
        return next((level for level, along_z in enumerate(looks) if along_z), len(self.pools))

    @property
    def grid(self) -> tuple[int, int]:
        """What the extents of the output must be multiples of: (sections, y-x px)."""
        z = px = 1
        for pool in self.pools:
            z, px = z * pool[0], px * pool[1]
        return z, px * self.fold

    @property
    def reach(self) -> tuple[int, int]:
        """How far an output voxel looks, beyond `context_sections`: (sections, px), rounded up to the grid."""
        z, px, scale_z, scale_px = 0, self.fold + self.fold, 1, self.fold
        for level, kernel in enumerate(self.kernels):
            convolutions = 7 if level < len(self.pools) else 3
            z += convolutions * (kernel[0] // 2) * scale_z
            px += convolutions * (max(kernel[1:]) // 2) * scale_px
            if level < len(self.pools):
                pool = self.pools[level]
                # trilinear upsampling reads the neighbouring coarse cell, and a cell spans the pool
                z += 2 * scale_z * pool[0] if pool[0] > 1 else 0
                px += 2 * scale_px * pool[1]
                scale_z, scale_px = scale_z * pool[0], scale_px * pool[1]
        return -(-z // scale_z) * scale_z, -(-px // scale_px) * scale_px


def network_preset(name: Preset) -> NetworkConfig:
    """Give the network called `name`: `cpu` trains usefully in minutes on two cores, `full` wants a GPU."""
    if name == "full":
        return NetworkConfig(
            channels=(32, 64, 96, 128, 160),
            kernels=((1, 3, 3), (1, 3, 3), (1, 3, 3), (3, 3, 3), (3, 3, 3)),
            pools=((1, 2, 2), (1, 2, 2), (1, 2, 2), (2, 2, 2)),
        )
    return NetworkConfig(
        channels=(24, 40, 64, 96),
        kernels=((1, 3, 3),) * 4,
        pools=((1, 2, 2),) * 3,
        fold=2,
        stem_sections=3,
    )


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
