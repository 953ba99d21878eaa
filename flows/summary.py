"""What the report and the status table say about a run, as plain records without files or servers behind them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loop.gate import GateDecision
from loop.metrics import Agreement


@dataclass(frozen=True)
class ChosenSection:
    """A section that was sent to annotators."""

    z: int
    reason: str
    """Why it is worth their minutes, in words."""


@dataclass(frozen=True)
class CorrectedSection:
    """A section that came back from an annotator."""

    z: int
    annotator: str
    minutes: float
    """How long a person had the task open; 0 for the oracle."""
    regions_kept: int
    regions_changed: int
    regions_added: int
    regions_deleted: int

    @property
    def regions_touched(self) -> int:
        """Regions that the annotator changed, added or deleted."""
        return self.regions_changed + self.regions_added + self.regions_deleted


@dataclass(frozen=True)
class IterationSummary:
    """One iteration as far as it has come; None stands for a stage that is still to come."""

    iteration: int
    labelled_sections: int
    """Sections that its model learnt from."""
    training_seconds: float | None
    agreement: Agreement | None
    """Mean over the frozen hold-out."""
    decision: GateDecision | None
    chosen: tuple[ChosenSection, ...] = ()
    """Sections published to annotators, most worthwhile first."""
    corrected: tuple[CorrectedSection, ...] = ()
    """Sections ingested from annotators."""

    @property
    def human_minutes(self) -> float:
        """Minutes of all annotators together."""
        return sum(section.minutes for section in self.corrected)

    @property
    def regions_touched(self) -> int:
        """Regions that annotators changed, added or deleted."""
        return sum(section.regions_touched for section in self.corrected)


@dataclass(frozen=True, eq=False)
class SectionPanel:
    """One hold-out section to look at; all arrays are (y, x) of one shape."""

    z: int
    image: NDArray[np.uint8]
    truth: NDArray[Any]
    """Unsigned ids, 0 is membrane or unlabelled."""
    membrane: NDArray[np.floating[Any]]
    """Probability in [0, 1], 1 is membrane."""
    segmentation: NDArray[Any]
    """Unsigned ids."""
    voi_split: float
    voi_merge: float

    @property
    def voi(self) -> float:
        """VOI split + merge, bits."""
        return self.voi_split + self.voi_merge


@dataclass(frozen=True, eq=False)
class RunSummary:
    """A run: where its data come from, what each iteration did, and the hold-out sections to look at."""

    name: str
    volume: str
    """Path and dataset of the image."""
    shape_zyx: tuple[int, int, int]
    voxel_size_nm_zyx: tuple[float, float, float] | None
    """None where the volume does not say."""
    holdout: str
    """Frozen hold-out sections, start:stop."""
    iterations: tuple[IterationSummary, ...]
    best: SectionPanel | None = None
    """Hold-out section on which the promoted model does best."""
    worst: SectionPanel | None = None

    @property
    def measured(self) -> tuple[tuple[IterationSummary, Agreement], ...]:
        """Iterations whose model was measured, with their agreement."""
        return tuple((turn, turn.agreement) for turn in self.iterations if turn.agreement is not None)
