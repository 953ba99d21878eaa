"""What can happen in a run: one frozen record per kind of event, as the ledger keeps them."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from loop.answer_events import AnswerEvent
from loop.doubts import Doubt
from loop.drift import Drift
from loop.event_record import EventRecord
from loop.gate import GateDecision
from loop.metrics import Agreement
from loop.places import Place, PlaceField
from loop.ranking_words import WHY
from loop.section_range import SectionsField
from loop.uncertainty import Uncertainty


class RunCreated(EventRecord):
    """A run was initialised and its hold-out frozen."""

    kind: Literal["run_created"] = "run_created"
    """Name of the event."""
    holdout_images: dict[int, str]
    """SHA-256 of each hold-out section's image, keyed by z."""
    holdout_labels: dict[int, str]
    """SHA-256 of each hold-out section's truth, keyed by z."""
    holdout_gap: int = 0
    """Sections on each side of a hold-out section that no model may see in training either."""


class TrainingBegun(EventRecord):
    """The training of an iteration began: it learns from what the ledger said up to here, also after a crash."""

    kind: Literal["training_begun"] = "training_begun"
    """Name of the event."""
    iteration: int
    """Number of the iteration."""


class Origin(BaseModel):
    """Everything that a model came from."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    labels_sha256: str
    """Hash of the labels of the run's own sections and of where they count, as `proofloop replay` rebuilds them."""
    data_sha256: str
    """Hash of everything learnt from: images, labels and where they count, further volumes included."""
    config_sha256: str
    """Hash of the configuration, which lies beside the checkpoint."""
    code: str
    """Version of proofloop, with the commit where it runs from a checkout."""
    parent: int | None
    """Iteration of the model whose weights it began with; None for fresh ones."""


class Trained(EventRecord):
    """A model was trained."""

    kind: Literal["train"] = "train"
    """Name of the event."""
    iteration: int
    """Number of the iteration, from 1."""
    checkpoint: str
    """Checkpoint file, relative to the run."""
    sha256: str
    """Hash of the checkpoint."""
    sections: SectionsField
    """Labelled sections it learnt from."""
    final_loss: float
    """Training loss at the end, smoothed."""
    seconds: float
    """Wall time."""
    origin: Origin | None = None
    """What it came from; None in records of older versions."""


class Predicted(EventRecord):
    """Membranes of the pool and the hold-out were predicted."""

    kind: Literal["predict"] = "predict"
    """Name of the event."""
    iteration: int
    """Number of the iteration."""
    store: str
    """Zarr folder with `membrane` and `variance`, relative to the run."""
    sections: SectionsField
    """Sections predicted."""
    seconds: float
    """Wall time."""


class Evaluated(EventRecord):
    """The model was measured on the frozen hold-out."""

    kind: Literal["evaluate"] = "evaluate"
    """Name of the event."""
    iteration: int
    """Number of the iteration."""
    mean: Agreement
    """Mean over the hold-out sections."""
    sections: dict[int, Agreement]
    """Each hold-out section, keyed by z."""


class Gated(EventRecord):
    """The model was promoted or turned away."""

    kind: Literal["gate"] = "gate"
    """Name of the event."""
    iteration: int
    """Number of the iteration."""
    decision: GateDecision
    """The verdict and its reason."""
    drift: Drift | None = None
    """How far the pool has left what models learnt from; None in records of older versions."""

    @property
    def alarms(self) -> list[str]:
        """What somebody should look at, in words."""
        worse = [self.decision.reason] if self.decision.verdict == "alarm" else []
        return worse + ([self.drift.words] if self.drift is not None and self.drift.alarm else [])


class RolledBack(EventRecord):
    """An earlier model is the promoted one again; nothing is deleted."""

    kind: Literal["rollback"] = "rollback"
    """Name of the event."""
    iteration: int
    """Iteration of the model that is now the promoted one."""
    withdrawn: list[int]
    """Iterations whose models had been promoted after it."""


class Ranked(EventRecord):
    """The pool was ranked and the places to proofread chosen."""

    kind: Literal["rank"] = "rank"
    """Name of the event."""
    iteration: int
    """Number of the iteration."""
    chosen: list[PlaceField]
    """Sections or tiles to proofread, most uncertain first."""
    uncertainty: dict[PlaceField, Uncertainty]
    """Uncertainty of every chosen place; in records of older versions of the whole pool."""
    doubts: dict[PlaceField, Doubt] = Field(default_factory=dict)
    """Where in each chosen place the model is unsure; nothing in records of older versions."""
    predicted_in: int
    """Iteration whose model, the promoted one, was asked."""
    strategy: str = ""
    """How they were chosen; in records of older versions by entropy and variance, and nothing stands here."""
    expected_minutes: dict[PlaceField, float] = Field(default_factory=dict)
    """What each chosen place is expected to cost an annotator; nothing where that did not count."""
    objects: dict[PlaceField, float] = Field(default_factory=dict)
    """Predicted objects in each chosen place, by which that was expected; nothing in records of older versions."""

    def reason(self, place: Place) -> str:
        """Say in words why a place was chosen."""
        doubt = self.doubts[place].reason if place in self.doubts else self.uncertainty[place].reason
        return f"{WHY[self.strategy]} {doubt}" if self.strategy in WHY else doubt


class Published(EventRecord):
    """The chosen places are tasks in Label Studio."""

    kind: Literal["publish"] = "publish"
    """Name of the event."""
    iteration: int
    """Number of the iteration."""
    tasks: dict[PlaceField, int]
    """Task id of each section or tile."""
    repeats: dict[PlaceField, int] = Field(default_factory=dict)
    """Tasks that ask again for what was answered before; the annotators are not told."""
    gold: dict[PlaceField, int] = Field(default_factory=dict)
    """Tasks of known truth; the annotators are not told."""


class Ingested(EventRecord):
    """The iteration is closed: every task was answered or skipped, or it goes on without those still open."""

    kind: Literal["ingest"] = "ingest"
    """Name of the event."""
    iteration: int
    """Number of the iteration."""
    sections: list[PlaceField]
    """Sections or tiles whose corrections came back."""
    skipped: list[PlaceField] = Field(default_factory=list)
    """Sections or tiles that annotators skipped; they stay in the pool."""
    left_open: list[int] = Field(default_factory=list)
    """Tasks that were still to be answered; answers that come later train the next models."""


StageEvent = Trained | Predicted | Evaluated | Gated | Ranked | Published | Ingested
Event = Annotated[
    RunCreated | TrainingBegun | RolledBack | StageEvent | AnswerEvent,
    Field(discriminator="kind"),
]
