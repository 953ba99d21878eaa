"""Submitted annotations as labels. Polling is the truth: what is on the server and not yet known is new."""

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from annotation import published
from annotation.correction import correct
from annotation.project import connect, find_project
from annotation.regions import Fault, parse_regions
from annotation.server import Server
from annotation.tasks import Annotation, ChangedTask, annotation_of, changed_since
from loop.errors import InputError
from loop.progress import Progress, silent

# A change is dated before it is visible, so a look begins a little before the last one did.
_OVERLAP = timedelta(minutes=1)


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
        0 is background. Untouched objects keep their ids and pixels; new objects have new ids.
    result_sha256 : str
        Of the annotation's regions as the server holds them.
    kept, changed, added, deleted : int
        Regions, compared with the pre-annotation.
    """

    z: int
    iteration: int
    task_id: int
    annotation_id: int
    annotator: str
    submitted_at: datetime
    lead_time_s: float
    labels: NDArray[np.uint32] = field(compare=False)
    result_sha256: str
    kept: int
    changed: int
    added: int
    deleted: int

    @property
    def key(self) -> str:
        """The name of this version: the same annotation edited again has another."""
        return key_of(self.annotation_id, self.result_sha256)


@dataclass(frozen=True)
class Harvest:
    """What one look at the server brought.

    Attributes
    ----------
    submissions : list of Submission
        New ones, oldest change first.
    faults : list of Fault
        All that could not be used in them; faulty regions keep the pixels they had.
    seen_until : datetime
        When the look began. Hand it to the next `ingest` as `since`, once the submissions are stored.
    """

    submissions: list[Submission]
    faults: list[Fault]
    seen_until: datetime


def key_of(annotation_id: int, result_sha256: str) -> str:
    """Name one version of an annotation."""
    return f"{annotation_id}:{result_sha256}"


def ingest(
    server: Server, known: Collection[str], *, since: datetime | None = None, progress: Progress = silent
) -> Harvest:
    """Fetch the submissions that are not known yet. Drafts and skipped tasks are not submissions.

    Parameters
    ----------
    server : Server
    known : collection of str
        `Submission.key` of all that was taken before; the same call again brings nothing new.
    since : datetime, optional
        The last harvest's `seen_until`; without it all tasks are looked at.
    progress : Progress
        Counts tasks that changed.

    Returns
    -------
    Harvest
    """
    harvest = Harvest([], [], datetime.now(UTC))
    with connect(server) as client:
        project = find_project(client)
        start = None if since is None else since - _OVERLAP
        tasks = [] if project is None else changed_since(client, project, start)
        emails = {int(user.id): str(user.email) for user in client.users.list()} if tasks else {}
        for done, task in enumerate(tasks, start=1):
            for annotation in (annotation_of(client, number) for number in task.annotation_ids):
                digest = _digest(annotation.result)
                if not annotation.skipped and key_of(annotation.annotation_id, digest) not in known:
                    email = emails.get(annotation.annotator_id, f"user {annotation.annotator_id}")
                    _take(server, task, annotation, digest=digest, annotator=email, harvest=harvest)
            progress(done, len(tasks), f"{len(harvest.submissions)} submissions")
    return harvest


def _take(
    server: Server, task: ChangedTask, annotation: Annotation, *, digest: str, annotator: str, harvest: Harvest
) -> None:
    """Add the submission of an annotation, and what is wrong with it, to the harvest."""

    def fault(region: str, reason: str) -> None:
        harvest.faults.append(Fault(task.task_id, annotation.annotation_id, region, reason))

    if task.section is None:
        fault("", "the task was not published by proofloop")
        return
    z, iteration = task.section
    try:
        before = published.load(server, z, iteration)
    except InputError as error:
        fault("", error.problem)
        return
    regions, faults = parse_regions(annotation.result, (before.labels.shape[0], before.labels.shape[1]))
    for name, reason in faults:
        fault(name, reason)
    if not regions and before.contours:
        fault("", f"none of the {len(before.contours)} published outlines came back, nor a new one")
        return
    correction = correct(before, regions, frozenset(name for name, _ in faults))
    harvest.submissions.append(
        Submission(
            z=z,
            iteration=iteration,
            task_id=task.task_id,
            annotation_id=annotation.annotation_id,
            annotator=annotator,
            submitted_at=annotation.updated_at,
            lead_time_s=annotation.lead_time_s,
            labels=correction.labels,
            result_sha256=digest,
            kept=correction.kept,
            changed=correction.changed,
            added=correction.added,
            deleted=correction.deleted,
        )
    )


def _digest(result: object) -> str:
    return hashlib.sha256(json.dumps(result, sort_keys=True, default=str).encode()).hexdigest()
