"""Submitted annotations as labels. Polling is the truth: what is on the server and not yet known is new."""

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from annotation import published
from annotation.connection import clock_of
from annotation.correction import correct
from annotation.marks import parse_marks
from annotation.operations import operate
from annotation.painted import parse_painted
from annotation.project import connect, find_project
from annotation.regions import Fault, named, parse_regions, version_of
from annotation.server import Server
from annotation.shifts import accidental_shifts
from annotation.tasks import Annotation, ChangedTask, annotation_of, begins_at, changed_since, missing_of, seen_until
from annotation.whereabouts import whereabouts
from loop.effort import Effort, active_seconds, effort_between
from loop.errors import InputError, ServerUnavailable
from loop.places import Place, Tile
from loop.progress import Progress, silent


@dataclass(frozen=True)
class Submission:
    """One submitted version of an annotation.

    Attributes
    ----------
    z, iteration : int
        The section, and the iteration that published it.
    task_id, annotation_id : int
        On the server.
    annotator : str
        E-mail of who submitted it.
    submitted_at : datetime
        When this version was saved, UTC.
    lead_time_s : float
        Seconds from opening to submitting, as the server counts them.
    labels : (y, x) uint32
        Of the whole section, 0 outside of a tile. Untouched objects keep their ids and pixels; new ones have new ids.
    before : (y, x) uint32
        The pre-annotation.
    result_sha256 : str
        Of the annotation's regions as the server holds them.
    kept, changed, added, deleted : int
        Outlines, compared with those published.
    counted : (y, x) bool
        False where the annotator was unsure, outside of a tile, and everywhere in a section to be discarded: not to
        be learned from.
    verdict : str or None
        On the section: "Good", "Usable" or "Discard".
    cuts, joins, grown, removed : int
        Strokes and points that did something.
    effort : Effort
        What it took, and what became of the pre-annotation's pixels.
    tile : Tile or None
        The part of the section that was corrected; None for all of it.
    version : str
        Of the pre-annotation that it began with: empty for the published one.
    """

    z: int
    iteration: int
    task_id: int
    annotation_id: int
    annotator: str
    submitted_at: datetime
    lead_time_s: float
    labels: NDArray[np.uint32] = field(compare=False)
    before: NDArray[np.uint32] = field(compare=False)
    result_sha256: str
    kept: int
    changed: int
    added: int
    deleted: int
    counted: NDArray[np.bool_] = field(compare=False)
    verdict: str | None
    cuts: int
    joins: int
    grown: int
    removed: int
    effort: Effort
    tile: Tile | None = None
    version: str = ""

    @property
    def place(self) -> Place:
        """What was corrected."""
        return Place(self.z, self.tile)

    @property
    def key(self) -> str:
        """The name of this version: the same annotation edited again has another."""
        return key_of(self.annotation_id, self.result_sha256)


@dataclass(frozen=True)
class TaskState:
    """How a task that changed stands now.

    Attributes
    ----------
    task_id : int
    section : (z, iteration) or None
        None for a task that proofloop did not publish.
    annotation_ids : frozenset of int
        All that it has; one that was ingested before and is missing here was deleted.
    skipped : bool
        Somebody skipped it, and nobody answered.
    refused : str
        Why none of its answers can be used; empty where one can, or where there is none.
    """

    task_id: int
    section: tuple[int, int] | None
    annotation_ids: frozenset[int]
    skipped: bool
    refused: str


@dataclass(frozen=True)
class Harvest:
    """What one look at the server brought.

    Attributes
    ----------
    submissions : list of Submission
        New ones, oldest first.
    faults : list of Fault
        All that could not be used in them; faulty regions keep the pixels they had.
    seen_until : datetime or None
        Hand it to the next `ingest` as `since`, once everything is stored. None before the first annotation.
    tasks : list of TaskState
        Every task that changed; in a first look, every one that has annotations.
    gone : list of int
        Awaited tasks that are no longer on the server.
    """

    submissions: list[Submission]
    faults: list[Fault]
    seen_until: datetime | None
    tasks: list[TaskState]
    gone: list[int] = field(default_factory=list)


def key_of(annotation_id: int, result_sha256: str) -> str:
    """Name one version of an annotation."""
    return f"{annotation_id}:{result_sha256}"


def ingest(
    server: Server,
    known: Collection[str],
    *,
    since: datetime | None = None,
    awaited: Collection[int] = (),
    settled: Collection[int] = (),
    progress: Progress = silent,
) -> Harvest:
    """Fetch the submissions that are not known yet. Drafts and skipped tasks are not submissions.

    Parameters
    ----------
    server : Server
    known : collection of str
        `Submission.key` of what was taken last of every annotation; the same call again brings nothing new, and an
        annotation that was edited, even back to an older version, is taken again.
    since : datetime, optional
        The last harvest's `seen_until`; without it all tasks that have annotations are looked at.
    awaited : collection of int
        Tasks that are still to be answered: are they there, and is there an answer whatever date it bears?
    settled : collection of int
        Those of them of which an earlier look has seen an answer that cannot be used; they wait for a change.
    progress : Progress
        Counts tasks that changed.

    Returns
    -------
    Harvest

    Raises
    ------
    ServerUnavailable
        Tasks are awaited, and the run's project is not there.
    """
    submissions: list[Submission] = []
    faults: list[Fault] = []
    states: list[TaskState] = []
    with connect(server) as client:
        began = clock_of(server)
        since = begins_at(since, now=began)
        project = find_project(client, server.project)
        if project is None and awaited:
            raise _project_is_gone(server, len(awaited))
        tasks: list[ChangedTask] = []
        if project is not None:
            tasks = changed_since(client, project, since, unanswered=set(awaited) - set(settled))
        gone = missing_of(client, project, awaited) if project is not None else []
        emails = {int(user.id): str(user.email) for user in client.users.list()} if tasks else {}
        for done, task in enumerate(tasks, start=1):
            fetched = [annotation_of(client, number) for number in task.annotation_ids]
            held = [annotation for annotation in fetched if annotation is not None]
            refusals: list[str] = []  # one for each annotation that cannot be used
            for annotation in held:
                digest = _digest(annotation.result)
                if annotation.skipped or key_of(annotation.annotation_id, digest) in known:
                    continue
                email = emails.get(annotation.annotator_id, f"user {annotation.annotator_id}")
                found, refused = submission_of(server, task, annotation, digest=digest, annotator=email)
                faults += [
                    Fault(task.task_id, annotation.annotation_id, *fault, whereabouts(annotation.result, fault[0]))
                    for fault in refused
                ]
                if found:
                    submissions.append(found)
                else:
                    refusals.append("; ".join(reason for _, reason in refused))
            states.append(_state(task, held, refusals))
            progress(done, len(tasks), f"{len(submissions)} submissions")
    until = seen_until((task.updated_at for task in tasks), since, now=began)
    submissions.sort(key=lambda submission: submission.submitted_at)
    return Harvest(submissions, faults, until, states, gone)


def _state(task: ChangedTask, held: list[Annotation], refusals: list[str]) -> TaskState:
    answers = [annotation for annotation in held if not annotation.skipped]
    return TaskState(
        task_id=task.task_id,
        section=task.section,
        annotation_ids=frozenset(annotation.annotation_id for annotation in held),
        skipped=bool(held) and not answers,
        refused="; ".join(refusals) if len(refusals) == len(answers) else "",
    )


def _project_is_gone(server: Server, waiting: int) -> ServerUnavailable:
    return ServerUnavailable(
        "the run's project is not in Label Studio",
        given=f"no project {server.project!r} for {server.email} on {server.url}; {waiting} tasks wait",
        expected="the project by that title",
        fix="give it its title back, or use a token that sees it; if it was deleted, restore a backup",
    )


def submission_of(
    server: Server, task: ChangedTask, annotation: Annotation, *, digest: str, annotator: str
) -> tuple[Submission | None, list[tuple[str, str]]]:
    """Give the submission of an annotation, None where it cannot be used, and its faults as (region id, reason)."""
    if task.section is None:
        return None, [("", "the task was not published by proofloop")]
    z, iteration = task.section
    try:
        version = version_of(annotation.result)
        before = published.load(server.directory, z, iteration, tile=task.tile, version=version)
    except InputError as error:
        return None, [("", error.problem)]
    shape = (before.labels.shape[0], before.labels.shape[1])
    result, nameless = named(annotation.result)
    painted, spoilt, others = parse_painted(result, before)
    marks, unreadable, rest = parse_marks(others, shape)
    outlined, faults = parse_regions(rest, shape)
    regions, faults = [*painted, *outlined], [*nameless, *spoilt, *faults]
    shown = len(before.contours) - len(before.layered)
    if not regions and shown and marks.verdict is None:
        reason = (
            f"none of the {shown} published outlines came back, nor a new one; if the section cannot be "
            "used choose Discard, if it truly holds no object choose Good, else submit the outlines"
        )
        return None, [*unreadable, *faults, ("", reason)]
    shifts = dict(accidental_shifts(before, regions))
    usable = [region for region in regions if region.region_id not in shifts]
    faults += shifts.items()
    correction = correct(before, usable, frozenset(name for name, _ in faults))
    operated = operate(correction.labels, before.membrane, marks)
    faults += unreadable + operated.faults
    frame = before.frame
    labels = frame.clipped(operated.labels) if frame else operated.labels
    submission = Submission(
        z=z,
        iteration=iteration,
        task_id=task.task_id,
        annotation_id=annotation.annotation_id,
        annotator=annotator,
        submitted_at=annotation.updated_at,
        lead_time_s=annotation.lead_time_s,
        labels=frame.placed(labels) if frame else labels,
        before=frame.placed(before.labels) if frame else before.labels,
        result_sha256=digest,
        kept=correction.kept,
        changed=correction.changed,
        added=correction.added,
        deleted=correction.deleted,
        counted=frame.placed(operated.counted) if frame else operated.counted,
        verdict=marks.verdict,
        cuts=operated.cuts,
        joins=operated.joins,
        grown=operated.grown,
        removed=operated.removed,
        effort=effort_between(
            before.labels,
            labels,
            active_s=active_seconds(annotation.lead_time_s, drafted=annotation.drafted),
        ),
        tile=frame.tile if frame else None,
        version=before.version,
    )
    return submission, faults


def _digest(result: object) -> str:
    return hashlib.sha256(json.dumps(result, sort_keys=True, default=str).encode()).hexdigest()
