"""What annotators and reviewers did, as the ledger keeps it: answers, looks at them, comparisons, reviews."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from loop.agreement import SectionAgreement
from loop.annotators import ORACLE
from loop.effort import Effort
from loop.event_record import EventRecord
from loop.places import Place, Tile


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
    faulty: bool = False
    """Some of its regions could not be used: the task goes back to the annotators once."""
    effort: Effort | None = None
    """What the correction took and what it did to the pixels; None in records of older versions."""

    @property
    def strokes(self) -> int:
        """Strokes and points that did something."""
        return self.cuts + self.joins + self.grown + self.removed

    @property
    def human_minutes(self) -> float:
        """Minutes that a person worked, none for the oracle; in older records, all that the task was open."""
        seconds = self.effort.active_s if self.effort else self.lead_time_s
        return 0.0 if self.annotator == ORACLE else seconds / 60


class SectionLabelled(EventRecord):
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


class Polled(EventRecord):
    """Label Studio was asked what changed there since the last look, and something had."""

    kind: Literal["poll"] = "poll"
    """Name of the event."""
    seen_until: datetime
    """Changes up to here were looked at; the next look begins there."""
    skipped: list[int]
    """All tasks that stand skipped without an answer."""
    refused: dict[int, str]
    """All tasks whose answers cannot be used, with the reason."""


class Compared(EventRecord):
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


class AnnotationDeleted(EventRecord):
    """An annotation that was ingested is gone from Label Studio: its labels are kept but no longer count."""

    kind: Literal["annotation_deleted"] = "annotation_deleted"
    """Name of the event."""
    section: int
    """Index z in the volume."""
    task_id: int
    """Label Studio's task."""
    annotation_id: int
    """Label Studio's annotation."""


class TaskDeleted(EventRecord):
    """An open task is gone from Label Studio: it is no longer awaited, and its section is in the pool again."""

    kind: Literal["task_deleted"] = "task_deleted"
    """Name of the event."""
    section: int
    """Index z in the volume."""
    task_id: int
    """Label Studio's task."""


class Accepted(EventRecord):
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


class SentBack(EventRecord):
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


class GoldAnswered(EventRecord):
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


class ConsensusReached(EventRecord):
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


AnswerEvent = (
    SectionLabelled
    | Polled
    | Compared
    | AnnotationDeleted
    | TaskDeleted
    | Accepted
    | SentBack
    | GoldAnswered
    | ConsensusReached
)
"""Whatever comes of the tasks that are published."""
