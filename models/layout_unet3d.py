"""The layout of a residual 3D U-Net; without torch."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator

from models.names import TargetName

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
