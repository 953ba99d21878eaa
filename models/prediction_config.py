"""How a volume is predicted; without torch."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from models.names import DeviceName, Precision


class PredictionConfig(BaseModel):
    """How a volume is predicted; `variants` and `reach_share` apart, nothing here changes more than rounding."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    variants: Literal[1, 4, 8, 16] = 8
    """Mirrored views that are averaged."""
    block_sections: PositiveInt | None = None
    """Sections predicted at once, and lost by a kill; by default 16, or 8 times as many as the network looks across."""
    tile_px: PositiveInt = 2048
    """Extent of the tiles that larger sections are cut into; halved as often as memory asks for."""
    reach_share: float = Field(default=1.0, gt=0, le=1)
    """Share of how far the network looks that is read around blocks and tiles; 1 leaves no seam, less is faster."""
    device: DeviceName = "auto"
    """Where to predict: `cpu`, `cuda`, or `auto` on a GPU where there is one."""
    precision: Precision = "auto"
    """Number format of the network (`int8`: of its flat levels); `auto`: the fastest that a check finds equal."""
    memory_gib: float | None = Field(default=None, gt=0)
    """Memory by which blocks and tiles are cut; by default what is free when a prediction begins."""
