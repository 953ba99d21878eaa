"""Doubts of a model about the borders in a place, as the ledger keeps them; `loop.doubt_finding` finds them."""

from pydantic import BaseModel, ConfigDict


class Spot(BaseModel):
    """A circle around a stretch of doubtful border, in pixels of the section."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    y_px: int
    """Row of its middle."""
    x_px: int
    """Column of its middle."""
    radius_px: int
    """Radius."""


class Doubt(BaseModel):
    """How much border of a place is doubtful, and where it is most so."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    border_px: int
    """Length of all doubtful stretches of border, px."""
    stretches: int
    """How many they are."""
    spots: list[Spot]
    """The worst, worst first; at most three."""
    labelled_sections_away: int
    """Sections between here and the nearest that has labels; 0 where the section itself has some."""

    @property
    def reason(self) -> str:
        """Why an annotator should look at the place, in words."""
        if not self.stretches:
            unsure = "No border stands out as doubtful"
        else:
            places = "one place" if self.stretches == 1 else f"{self.stretches} places"
            circled = f"the worst {len(self.spots)} are circled" if len(self.spots) < self.stretches else "circled"
            unsure = f"The model is unsure along {self.border_px} px of border in {places} ({circled})"
        near = {0: "another part of this section is labelled", 1: "the next section is labelled"}
        far = f"the nearest labelled section is {self.labelled_sections_away} away"
        return f"{unsure}; {near.get(self.labelled_sections_away, far)}."
