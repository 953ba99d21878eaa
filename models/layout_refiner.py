"""The layout of the refiner; without torch."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from models.grid import rounded_up
from models.layout_unet3d import NetworkConfig, network_preset
from models.names import TargetName

CHANNELS = (32, 64, 64)


class RefinerConfig(BaseModel):
    """Everything that decides the shape of a refiner; stored in each of its checkpoints."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    architecture: Literal["refiner"] = "refiner"
    """Which class of network this lays out."""
    embedding: NetworkConfig = network_preset("full")
    """The U-Net whose finest features are refined; fold and stem_sections must be 1."""

    @property
    def target(self) -> TargetName:
        """What it draws: what its net A does."""
        return self.embedding.target

    @property
    def context_sections(self) -> int:
        """Sections that the input needs before the first and after the last output section: none."""
        return 0

    @property
    def grid(self) -> tuple[int, int]:
        """What the extents of the output should be multiples of: (sections, y-x px)."""
        return self.embedding.grid

    @property
    def reach(self) -> tuple[int, int]:
        """How far an output voxel looks: (sections, px), rounded up to the grid."""
        z, px = self.embedding.reach
        convolutions = 3 * len(CHANNELS)
        return rounded_up((z + convolutions, px + convolutions + 1), self.grid)
