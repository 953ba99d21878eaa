"""What can happen in a run: one frozen record per kind of event, as the ledger keeps them."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from loop.agreement import SectionAgreement
from loop.doubts import Doubt
from loop.drift import Drift
from loop.effort import Effort
from loop.gate import GateDecision
from loop.metrics import Agreement
from loop.places import Place, PlaceField, Tile
from loop.ranking_words import WHY
from loop.section_range import SectionsField
from loop.uncertainty import Uncertainty


def _now() -> datetime:
    return datetime.now(UTC)


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    at: datetime = Field(default_factory=_now)
    """When it happened, UTC."""


class RunCreated(_Record):
    """A run was initialised and its hold-out frozen."""

    kind: Literal["run_created"] = "run_created"
    """Name of the event."""
    holdout_images: dict[int, str]
    """SHA-256 of each hold-out section's image, keyed by z."""
    holdout_labels: dict[int, str]
    """SHA-256 of each hold-out section's truth, keyed by z."""
    holdout_gap: int = 0
    """Sections on each side of a hold-out section that no model may see in training either."""


class Correction(BaseModel):
    """Where a proofread section's labels came from."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    iteration: int
    """Iteration that published the task."""
    task_id: int
    """Label Studio's task."""
    annotation_id: int
    """Label Studio's annotation."""
    annotator: str
    """E-mail address of the person, or of the oracle."""
    submitted_at: datetime
    """When Label Studio last changed the annotation."""
    lead_time_s: float
    """Seconds that the annotator had the task open, as Label Studio counts them."""
    model_sha256: str
    """Hash of the checkpoint whose contours were pre-annotated."""
    result_sha256: str
    """Hash of the submitted regions; with `annotation_id` it identifies the version."""
    regions_kept: int
    """Outlines submitted as they were pre-annotated."""
    regions_changed: int
    """Outlines that were changed."""
    regions_added: int
    """Outlines drawn anew."""
    regions_deleted: int
    """Pre-annotated outlines removed."""
    cuts: int = 0
    """Strokes that parted a region."""
    joins: int = 0
    """Strokes that joined regions."""
    grown: int = 0
    """Points from which an object grew."""
    removed: int = 0
    """Points that removed a region."""
    unsure_px: int = 0
    """Pixels that the annotator marked as unsure."""
    discarded: bool = False
    """The annotator found the section unfit; no model learns from it."""
    review_required: bool = False
    """No model learns from it before a reviewer has accepted it."""
    effort: Effort | None = None
    """What the correction took and what it did to the pixels; None in records of older versions."""


class SectionLabelled(_Record):
    """A section, or a tile of it, has dense labels that training may use; later ones win where they overlap."""

    kind: Literal["section_labelled"] = "section_labelled"
    """Name of the event."""
    section: int
    """Index z in the volume."""
    file: str
    """Labels file, relative to the run's labels folder."""
    sha256: str
    """Hash of the labels."""
    tile: Tile | None = None
    """Where in the section the labels lie: first row and column, height and width, px; None for all of it."""
    correction: Correction | None
    """Provenance of a proofread section; None for the dense sections given at the start."""

    @property
    def place(self) -> Place:
        """What was labelled."""
        return Place(self.section, self.tile)


class Polled(_Record):
    """Label Studio was asked what changed there since the last look, and something had."""

    kind: Literal["poll"] = "poll"
    """Name of the event."""
    seen_until: datetime
    """Changes up to here were looked at; the next look begins there."""
    skipped: list[int]
    """All tasks that stand skipped without an answer."""
    refused: dict[int, str]
    """All tasks whose answers cannot be used, with the reason."""


class Compared(_Record):
    """Two annotations of a section were compared."""

    kind: Literal["compared"] = "compared"
    """Name of the event."""
    section: int
    """Index z in the volume."""
    annotation_ids: tuple[int, int]
    """Label Studio's annotations, the older submission first."""
    files: tuple[str, str]
    """Their labels files, relative to the run's labels folder."""
    agreement: SectionAgreement
    """How far they agree."""


class AnnotationDeleted(_Record):
    """An annotation that was ingested is gone from Label Studio: its labels are kept but no longer count."""

    kind: Literal["annotation_deleted"] = "annotation_deleted"
    """Name of the event."""
    section: int
    """Index z in the volume."""
    task_id: int
    """Label Studio's task."""
    annotation_id: int
    """Label Studio's annotation."""


class TaskDeleted(_Record):
    """An open task is gone from Label Studio: it is no longer awaited, and its section is in the pool again."""

    kind: Literal["task_deleted"] = "task_deleted"
    """Name of the event."""
    section: int
    """Index z in the volume."""
    task_id: int
    """Label Studio's task."""


class Accepted(_Record):
    """A reviewer accepted an answer."""

    kind: Literal["accepted"] = "accepted"
    """Name of the event."""
    section: int
    """Index z in the volume."""
    annotation_id: int
    """Label Studio's annotation."""
    file: str
    """Labels file of the version that was accepted, relative to the run's labels folder."""
    by: str
    """Who reviewed it."""


class SentBack(_Record):
    """An answer went back to the annotators: its task is open again and shows what was answered, and why it is back."""

    kind: Literal["sent_back"] = "sent_back"
    """Name of the event."""
    section: int
    """Index z in the volume."""
    task_id: int
    """Label Studio's task."""
    annotation_id: int
    """Label Studio's annotation, which is no longer there; its labels are kept."""
    reason: str
    """What the annotator reads above the section."""
    by: str
    """The reviewer, or proofloop where it could not use some regions."""
    usable: bool
    """Its labels count until the task's next answer; not where a reviewer sent it back."""


class GoldAnswered(_Record):
    """A task of known truth was answered: it measures the annotator, and no model learns from it."""

    kind: Literal["gold"] = "gold"
    """Name of the event."""
    section: int
    """Index z in the volume."""
    tile: Tile | None = None
    """The part of the section that was asked for; None for all of it."""
    file: str
    """Labels file, relative to the run's labels folder."""
    correction: Correction
    """Who answered, when, and what it took."""
    published: SectionAgreement
    """How far the pre-annotation, with its planted errors, agrees with the truth, which is the first of the two."""
    answered: SectionAgreement
    """How far the answer does."""


class ConsensusReached(_Record):
    """Several annotations of a section were made one; it counts in training while exactly these stand."""

    kind: Literal["consensus"] = "consensus"
    """Name of the event."""
    section: int
    """Index z in the volume."""
    files: list[str]
    """Labels files of the annotations, the oldest submission first."""
    tile: Tile | None = None
    """Which part of the section they answer; None for all of it."""
    file: str
    """Labels file of the consensus; pixels without a majority do not count."""
    sha256: str
    """Hash of its labels."""


class TrainingBegun(_Record):
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


class Trained(_Record):
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


class Predicted(_Record):
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


class Evaluated(_Record):
    """The model was measured on the frozen hold-out."""

    kind: Literal["evaluate"] = "evaluate"
    """Name of the event."""
    iteration: int
    """Number of the iteration."""
    mean: Agreement
    """Mean over the hold-out sections."""
    sections: dict[int, Agreement]
    """Each hold-out section, keyed by z."""


class Gated(_Record):
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


class RolledBack(_Record):
    """An earlier model is the promoted one again; nothing is deleted."""

    kind: Literal["rollback"] = "rollback"
    """Name of the event."""
    iteration: int
    """Iteration of the model that is now the promoted one."""
    withdrawn: list[int]
    """Iterations whose models had been promoted after it."""


class Ranked(_Record):
    """The pool was ranked and the places to proofread chosen."""

    kind: Literal["rank"] = "rank"
    """Name of the event."""
    iteration: int
    """Number of the iteration."""
    chosen: list[PlaceField]
    """Sections or tiles to proofread, most uncertain first."""
    uncertainty: dict[PlaceField, Uncertainty]
    """Uncertainty of every chosen place; in records of older versions of the whole pool."""
    doubts: dict[PlaceField, Doubt] = {}
    """Where in each chosen place the model is unsure; nothing in records of older versions."""
    predicted_in: int
    """Iteration whose model, the promoted one, was asked."""
    strategy: str = ""
    """How they were chosen; in records of older versions by entropy and variance, and nothing stands here."""
    expected_minutes: dict[PlaceField, float] = {}
    """What each chosen place is expected to cost an annotator; nothing where that did not count."""

    def reason(self, place: Place) -> str:
        """Say in words why a place was chosen."""
        doubt = self.doubts[place].reason if place in self.doubts else self.uncertainty[place].reason
        return f"{WHY[self.strategy]} {doubt}" if self.strategy in WHY else doubt


class Published(_Record):
    """The chosen places are tasks in Label Studio."""

    kind: Literal["publish"] = "publish"
    """Name of the event."""
    iteration: int
    """Number of the iteration."""
    tasks: dict[PlaceField, int]
    """Task id of each section or tile."""
    repeats: dict[PlaceField, int] = {}
    """Tasks that ask again for what was answered before; the annotators are not told."""
    gold: dict[PlaceField, int] = {}
    """Tasks of known truth; the annotators are not told."""


class Ingested(_Record):
    """The iteration is closed: every task was answered or skipped, or it goes on without those still open."""

    kind: Literal["ingest"] = "ingest"
    """Name of the event."""
    iteration: int
    """Number of the iteration."""
    sections: list[PlaceField]
    """Sections or tiles whose corrections came back."""
    skipped: list[PlaceField] = []
    """Sections or tiles that annotators skipped; they stay in the pool."""
    left_open: list[int] = []
    """Tasks that were still to be answered; answers that come later train the next models."""


StageEvent = Trained | Predicted | Evaluated | Gated | Ranked | Published | Ingested
ReviewEvent = Accepted | SentBack | GoldAnswered | ConsensusReached | TaskDeleted
Event = Annotated[
    RunCreated
    | SectionLabelled
    | Polled
    | AnnotationDeleted
    | Compared
    | TrainingBegun
    | RolledBack
    | ReviewEvent
    | StageEvent,
    Field(discriminator="kind"),
]
