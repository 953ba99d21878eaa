"""The layout of the 3D U-Net with dilated branches; without torch."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, PositiveInt

from models.grid import rounded_up
from models.layout_unet3d import Zyx
from models.names import TargetName

POOLS: tuple[Zyx, ...] = ((1, 2, 2), (1, 2, 2), (1, 2, 2), (2, 2, 2))
ANISOTROPIC_LEVELS = 3
BRANCHES_PX = ((1,), (1, 2), (1, 2, 4), (1, 2, 4, 8))
GRID = (2, 16)


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
        return GRID

    @property
    def reach(self) -> tuple[int, int]:
        """How far an output voxel looks: (sections, px), rounded up to the grid."""
        z, px, scale_z, scale_px = 0, 1, 1, 1
        for level in range(len(self.channels)):
            block_z, block_px = (1, 1 + sum(BRANCHES_PX[-1])) if level < ANISOTROPIC_LEVELS else (3, 3)
            finer = level < len(POOLS)
            z += (2 * block_z + 1 if finer else block_z) * scale_z
            px += (2 * block_px + 1 if finer else block_px) * scale_px
            if finer:
                pool = POOLS[level]
                # trilinear upsampling reads the neighbouring coarse cell, and a cell spans the pool
                z += 2 * scale_z * pool[0] if pool[0] > 1 else 0
                px += 2 * scale_px * pool[1]
                scale_z, scale_px = scale_z * pool[0], scale_px * pool[1]
        return rounded_up((z, px), self.grid)


NET_B = DilatedConfig()
