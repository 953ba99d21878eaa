"""How patches are altered in training; without torch."""

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat


class AugmentConfig(BaseModel):
    """How strongly and how often patches are altered; every rate is a probability per patch or section."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    contrast: NonNegativeFloat = 0.15
    """Largest relative change of contrast, either way."""
    brightness: NonNegativeFloat = 0.15
    """Largest shift of brightness, either way, as a share of the grey range."""
    gamma_octaves: NonNegativeFloat = 1.0
    """The exponent of the grey curve is 2 to a power up to this, either way."""
    section_grade_rate: float = Field(default=0.0, ge=0, le=1)
    """Share of patches in which contrast, brightness and exponent are drawn for each section, not for the patch."""
    elastic_rate: float = Field(default=0.5, ge=0, le=1)
    """Share of patches that are bent."""
    elastic_px: NonNegativeFloat = 2.0
    """Standard deviation of the bending at its control points."""
    elastic_spacing: tuple[int, int] = (4, 40)
    """Distance of the control points: (sections, px)."""
    slip_rate: float = Field(default=0.05, ge=0, le=1)
    """Share of patches in which one section lies aside."""
    shift_rate: float = Field(default=0.05, ge=0, le=1)
    """Share of patches in which all sections from one on lie aside."""
    shift_px: NonNegativeFloat = 12.0
    """Farthest that slipped and shifted sections lie aside, along y and x."""
    missing_rate: float = Field(default=0.05, ge=0, le=1)
    """Share of patches in which one section is lost to an even grey."""
    line_rate: float = Field(default=0.0, ge=0, le=1)
    """Share of patches in which a grey line crosses one section."""
    faint_rate: float = Field(default=0.0, ge=0, le=1)
    """Share of patches in which one section has little contrast."""
    blur_rate: float = Field(default=0.0, ge=0, le=1)
    """Share of patches in which one section is out of focus. No two damaged sections are neighbours."""


NO_AUGMENTATION = AugmentConfig(
    contrast=0, brightness=0, gamma_octaves=0, elastic_rate=0, slip_rate=0, shift_rate=0, missing_rate=0
)
"""Nothing but mirrors."""
