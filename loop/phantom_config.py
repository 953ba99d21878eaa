"""How the phantom's tissue is built and how well it is cut and imaged."""

from pydantic import BaseModel, ConfigDict, Field

VOXEL_SIZE_NM_ZYX = (30.0, 12.0, 12.0)
PIXEL_NM = VOXEL_SIZE_NM_ZYX[1]


class PhantomConfig(BaseModel):
    """Tissue, knife and microscope of a phantom."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    median_radius_nm: float = Field(default=125.0, ge=60.0, le=400.0)
    """Median radius of a fibre."""
    wall_half_width_nm: float = Field(default=12.0, ge=6.0, le=40.0)
    """Ground truth is 0 this far to either side of the middle of a wall, and further where the wall is oblique."""
    membrane_grey: float = Field(default=74.0, ge=0.0, le=150.0)
    """How much darker than cytoplasm a well-stained upright membrane is, in grey levels before blur."""
    blur_nm: float = Field(default=6.5, ge=0.0, le=40.0)
    """Standard deviation of the beam."""
    noise_grey: float = Field(default=11.0, ge=0.0, le=60.0)
    """Standard deviation of the detector's noise, in grey levels."""
    jitter_nm: float = Field(default=10.0, ge=0.0, le=60.0)
    """Standard deviation of each section's own displacement."""
    slip_nm: float = Field(default=60.0, ge=0.0, le=150.0)
    """Length of the jump at two places of the stack where sections were lost or slipped."""
    shift_nm: float = Field(default=0.0, ge=0.0, le=720.0)
    """How far neighbouring sections may lie apart along y and along x, beside jitter and slips."""
    damaged_section: int | None = None
    """The section with a fold, knife marks or a grey line; None draws one from the middle third of the stack."""
    further_damaged: int = Field(default=0, ge=0)
    """How many sections more are damaged, no two of all of them neighbours."""
