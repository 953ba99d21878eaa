"""The layout of LinkNets and of their ResNet encoders; without torch."""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from models.grid import rounded_up
from models.names import ResnetName, TargetName

Centre = Literal["dilated", "none"]
DILATIONS_PX = (1, 2, 4, 8)
GRID = (1, 32)


@dataclass(frozen=True)
class ResnetLayout:
    """Blocks in each of the four stages, and how many times wider than its inner convolutions a block ends."""

    blocks: tuple[int, int, int, int]
    expansion: Literal[1, 4]

    @property
    def channels(self) -> tuple[int, int, int, int]:
        """Channels of the four stages' results."""
        return 64 * self.expansion, 128 * self.expansion, 256 * self.expansion, 512 * self.expansion


RESNETS: dict[ResnetName, ResnetLayout] = {
    "resnet34": ResnetLayout((3, 4, 6, 3), 1),
    "resnet50": ResnetLayout((3, 4, 6, 3), 4),
    "resnet101": ResnetLayout((3, 4, 23, 3), 4),
}

PUBLISHED: dict[ResnetName, str] = {
    "resnet34": "https://download.pytorch.org/models/resnet34-b627a593.pth",
    "resnet50": "https://download.pytorch.org/models/resnet50-0676ba61.pth",
    "resnet101": "https://download.pytorch.org/models/resnet101-63fe2227.pth",
}
"""Where torchvision publishes its weights; the end of a name is the start of the file's SHA-256."""


class LinkNetConfig(BaseModel):
    """Everything that decides the shape of a LinkNet; stored in each of its checkpoints."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    architecture: Literal["linknet"] = "linknet"
    """Which class of network this lays out."""
    encoder: ResnetName = "resnet34"
    """The ResNet."""
    centre: Centre = "dilated"
    """`dilated` is D-LinkNet, `none` is LinkNet."""
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
        """How far an output pixel looks: (0 sections, px), rounded up to the grid."""
        layout = RESNETS[self.encoder]
        cubes = 2 if layout.expansion == 1 else 1  # (3, 3) convolutions in a block
        px = 3 + 2  # the first convolution and the pooling
        for stage, blocks in enumerate(layout.blocks):
            scale = 4 * 2**stage
            # the strided convolution of a stage still looks at the finer scale
            px += blocks * cubes * scale - (scale // 2 if stage else 0)
        px += sum(DILATIONS_PX) * 32 if self.centre == "dilated" else 0
        # transposed convolutions read the neighbouring coarse cell, then two convolutions at full resolution
        px += 32 + 16 + 8 + 4 + 2 * 2 + 2
        return rounded_up((0, px), self.grid)
