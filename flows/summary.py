"""What the report and the status table say about a run, as plain records without files or servers behind them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from flows.summary_tracks import TracedAxons
from loop.agreement import SectionAgreement
from loop.drift import Drift
from loop.effort import Effort
from loop.events import Origin
from loop.gate import GateDecision, block_interval
from loop.metrics import Agreement
from loop.places import Place, Tile
from loop.stopping import Advice, TurnTaken, advise


@dataclass(frozen=True)
class ChosenSection:
    """A section, or a tile of it, that was sent to annotators."""

    z: int
    why: Callable[[], str]
    """Says why it is worth their minutes; asked only of what is shown, as a run may have tens of thousands."""
    tile: Tile | None = None
    """Which part of it; None for all of it."""

    @property
    def reason(self) -> str:
        """Why it is worth their minutes, in words."""
        return self.why()

    @property
    def place(self) -> Place:
        """What was asked."""
        return Place(self.z, self.tile)


@dataclass(frozen=True)
class CorrectedSection:
    """A section, or a tile of it, as one annotator left it."""

    z: int
    annotator: str
    minutes: float
    """How long a person was at work on it; 0 for the oracle."""
    regions_kept: int
    """Outlines that came back as they were published; so the next three count outlines."""
    regions_changed: int
    regions_added: int
    regions_deleted: int
    effort: Effort | None = None
    """What became of the pixels; None in runs of older versions."""
    state: Literal["used", "kept", "deleted", "waiting", "sent back"] = "used"
    """Whether training uses it, another annotation counts instead, it was deleted in Label Studio, it waits for a
    reviewer, or it went back to the annotators."""
    agreements: tuple[tuple[str, SectionAgreement], ...] = ()
    """How far it agrees with older annotations of the section, with the annotator of each."""
    strokes: int = 0
    """Strokes and points that did something."""
    tile: Tile | None = None
    """Which part of the section; None for all of it."""

    @property
    def place(self) -> Place:
        """What was corrected."""
        return Place(self.z, self.tile)

    @property
    def regions_touched(self) -> int:
        """Regions that took any work."""
        if self.effort is None:
            return self.regions_changed + self.regions_added + self.regions_deleted
        return self.effort.regions_touched


@dataclass(frozen=True)
class GoldAnswer:
    """An answer to a task whose truth is known."""

    z: int
    annotator: str
    minutes: float
    """How long a person was at work on it; 0 for the oracle."""
    published: SectionAgreement
    """The truth against the pre-annotation with its planted errors."""
    answered: SectionAgreement
    """The truth against the answer."""


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
    """What was published to annotators, most worthwhile first."""
    corrected: tuple[CorrectedSection, ...] = ()
    """What annotators made of them, one record for each annotation."""
    repeats: tuple[Place, ...] = ()
    """What was asked again, without saying so, beside the chosen."""
    skipped: tuple[Place, ...] = ()
    """What annotators skipped."""
    gold: tuple[GoldAnswer, ...] = ()
    """What annotators made of tasks whose truth is known."""
    alarms: tuple[str, ...] = ()
    """What somebody should look at, in words: a model that is clearly worse, a pool that has drifted."""
    withdrawn: bool = False
    """The model was promoted, and the run was rolled back to an earlier one."""
    origin: Origin | None = None
    """What the model came from; None in runs of older versions."""
    drift: Drift | None = None
    """How far the pool had left what models learnt from; None in runs of older versions."""
    holdout: Mapping[int, Agreement] = field(default_factory=dict)
    """Each hold-out section, keyed by z."""
    model_sha256: str = ""
    """Hash of its checkpoint."""

    @property
    def stands(self) -> bool:
        """Whether the model was promoted, and not withdrawn since."""
        return self.decision is not None and self.decision.promoted and not self.withdrawn

    def interval(self, measure: str) -> tuple[float, float] | None:
        """Give the 95 % interval of a mean over hold-outs of this kind; None with fewer than two sections."""
        values = [getattr(self.holdout[z], measure) for z in sorted(self.holdout)]
        return block_interval(np.array(values)) if len(values) > 1 else None

    @cached_property
    def sections_ingested(self) -> int:
        """Chosen sections or tiles of which an annotation is there."""
        return len(self.answered - set(self.repeats))

    @property
    def answered(self) -> set[Place]:
        """Sections or tiles of which an annotation is there, those asked again among them."""
        return {section.place for section in self.corrected if section.state not in ("deleted", "sent back")}

    @cached_property
    def human_minutes(self) -> float:
        """Minutes of all annotators together, with those for tasks whose truth is known."""
        return sum(section.minutes for section in self.corrected) + sum(answer.minutes for answer in self.gold)

    @property
    def minutes_per_section(self) -> float | None:
        """Mean over the annotations that took people's time; None where none did."""
        minutes = [section.minutes for section in self.corrected if section.minutes]
        return sum(minutes) / len(minutes) if minutes else None

    @cached_property
    def regions_touched(self) -> int:
        """Regions that took any work."""
        return sum(section.regions_touched for section in self.corrected)

    @property
    def efforts(self) -> tuple[Effort, ...]:
        """What became of the pixels, where it is known."""
        return tuple(section.effort for section in self.corrected if section.effort is not None)


Measured = tuple[tuple[IterationSummary, Agreement], ...]
"""Iterations whose model was measured, with the mean over the hold-out."""


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
    voxel_size_nm_zyx: tuple[float, float, float] | None
    """None where the volume does not say."""
    holdout: str
    """Frozen hold-out sections, start:stop."""
    iterations: tuple[IterationSummary, ...]
    shape_zyx: tuple[int, int, int] | None = None
    """Extents of the volume; None where it was not opened."""
    best: SectionPanel | None = None
    """Hold-out section on which the promoted model does best."""
    worst: SectionPanel | None = None
    traced: TracedAxons | None = None
    """What was traced last; None where nothing was."""

    @property
    def measured(self) -> Measured:
        """Iterations whose model was measured, with their agreement."""
        return tuple((turn, turn.agreement) for turn in self.iterations if turn.agreement is not None)

    def advice(self, *, until: int | None = None) -> Advice:
        """Advise to go on or to stop, by all iterations or by those until one of them."""
        return advise(
            [
                TurnTaken(
                    labelled_sections=turn.labelled_sections,
                    voi=agreement.voi,
                    answered=len(turn.answered),
                    edits=turn.regions_touched,
                    minutes=turn.human_minutes,
                )
                for turn, agreement in self.measured
                if until is None or turn.iteration <= until
            ]
        )
