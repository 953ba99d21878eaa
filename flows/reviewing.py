"""Review of answers: listed with a picture each, accepted, or sent back to the annotators with a reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from annotation import published
from annotation.overlay import overlay
from annotation.returning import send_back
from flows.labelling_server import server_of
from flows.runs import Run
from loop.answer_events import Accepted, Correction, SectionLabelled, SentBack
from loop.atomic import replacing
from loop.errors import InputError
from loop.labels import read_section


@dataclass(frozen=True)
class Answer:
    """An answer that nobody has reviewed yet, and where its picture lies."""

    event: SectionLabelled
    correction: Correction
    picture: Path

    def row(self) -> dict[str, Any]:
        """Give what a reviewer needs to know."""
        effort = self.correction.effort
        return {
            "task": self.correction.task_id,
            "section": self.event.section,
            "tile": self.event.tile,
            "iteration": self.correction.iteration,
            "annotator": self.correction.annotator,
            "submitted_at": self.correction.submitted_at.isoformat(),
            "regions_touched": effort.regions_touched if effort else None,
            "pixels_changed": effort.pixels_changed if effort else None,
            "picture": str(self.picture),
        }


def waiting_answers(run: Run) -> list[Answer]:
    """List the answers that nobody has reviewed, oldest first; their pictures are written to RUN/review."""
    found = []
    for event in run.ledger.unreviewed():
        assert event.correction is not None
        picture = run.folder.root / "review" / f"task-{event.correction.task_id}-z{event.section:05d}.png"
        _draw(run, event, event.correction, picture)
        found.append(Answer(event, event.correction, picture))
    return found


def check_review(run: Run, accepted: Sequence[int], sent_back: int | None) -> None:
    """See that all of a review can be done before any of it is.

    Raises
    ------
    InputError
        A task has no answer that waits, or is to be accepted and sent back at once.
    """
    for task in (*accepted, *(() if sent_back is None else (sent_back,))):
        _answers_to(run, task)
    if sent_back in accepted:
        raise InputError(
            f"task {sent_back} cannot be both accepted and sent back",
            given=f"--accept {sent_back} --send-back {sent_back}",
            expected="one of the two for each task",
            fix="leave one out; nothing was changed",
        )


def accept(run: Run, task: int, *, by: str) -> None:
    """Accept the answers to a task; where review is required models learn from them from now on."""
    for event, correction in _answers_to(run, task):
        run.ledger.append(
            Accepted(section=event.section, annotation_id=correction.annotation_id, file=event.file, by=by)
        )


def return_to_annotators(run: Run, task: int, *, reason: str, by: str) -> None:
    """Send the answers to a task back: it is open again, shows the last of them, and says why."""
    for event, correction in _answers_to(run, task):
        send_back(server_of(run), task, correction.annotation_id, reason=f"Sent back by the reviewer: {reason}")
        run.ledger.append(
            SentBack(
                section=event.section,
                task_id=task,
                annotation_id=correction.annotation_id,
                reason=reason,
                by=by,
                usable=False,
            )
        )


def _answers_to(run: Run, task: int) -> list[tuple[SectionLabelled, Correction]]:
    waiting = [(event, event.correction) for event in run.ledger.unreviewed() if event.correction is not None]
    found = [(event, correction) for event, correction in waiting if correction.task_id == task]
    if not found:
        raise InputError(
            f"task {task} has no answer to review",
            given=f"task {task}",
            expected=f"one of {', '.join(str(correction.task_id) for _, correction in waiting)}"
            if waiting
            else "an answer that waits; none does",
            fix="see what waits with proofloop review RUN; proofloop ingest RUN brings new answers",
        )
    return found


def _draw(run: Run, event: SectionLabelled, correction: Correction, path: Path) -> None:
    before = published.load(run.folder.annotation, event.section, correction.iteration, tile=event.tile)
    after = read_section(run.folder.labels / event.file, event.sha256).labels
    image = run.image.section(event.section)
    if before.frame is not None:
        image, after = before.frame.cut(image), before.frame.cut(after)
    with replacing(path) as temporary:
        Image.fromarray(overlay(image, before.labels, after)).save(temporary, format="PNG")
