"""What came back from Label Studio: every version stored, the iteration closed when nothing of it is open."""

from itertools import chain, combinations

import numpy as np

from annotation.ingest import Harvest, Submission, ingest, key_of
from annotation.project import VERDICTS
from flows.labelling_server import server_of
from flows.runs import Run
from loop.agreement import section_agreement
from loop.errors import ProofloopError
from loop.events import (
    AnnotationDeleted,
    Compared,
    Correction,
    Ingested,
    Polled,
    Published,
    Ranked,
    SectionLabelled,
    Trained,
)
from loop.iteration import Stage, require
from loop.labels import read_section, write_section
from loop.progress import Progress, silent


def ingest_submissions(run: Run, progress: Progress = silent) -> None:
    """Store what changed; close the iteration once each of its tasks was answered or skipped.

    Raises
    ------
    ProofloopError
        After everything usable is stored, if a submission had faults; it names them all.
    """
    iteration = require(run.ledger, Stage.INGEST)
    faults: list[str] = []
    if open_sections(run, iteration):
        faults = _look(run, iteration, progress)
    if not open_sections(run, iteration):
        tasks, labelled = _published(run, iteration), run.ledger.labelled()
        answered = sorted(z for z in tasks if z in labelled)
        run.ledger.append(
            Ingested(iteration=iteration, sections=answered, skipped=sorted(tasks.keys() - set(answered)))
        )
    if faults:
        raise ProofloopError("some regions could not be used; all others are stored:\n  " + "\n  ".join(faults))


def open_sections(run: Run, iteration: int) -> list[int]:
    """Give the sections of an iteration that were neither answered nor skipped yet."""
    labelled, last = run.ledger.labelled(), run.ledger.polled()
    skipped = last.skipped if last else []
    return [z for z, task in _published(run, iteration).items() if z not in labelled and task not in skipped]


def _published(run: Run, iteration: int) -> dict[int, int]:
    """Give the task of every section that an iteration published."""
    published = run.ledger.finished(Published, iteration)
    return published.tasks


def _look(run: Run, iteration: int, progress: Progress) -> list[str]:
    """Take in what changed since the last look; give its faults, and answers of before that still cannot be used.

    The look itself is recorded last: what a crash left out is looked at again, and known versions are passed over.
    """
    last = run.ledger.polled()
    known = {
        key_of(event.correction.annotation_id, event.correction.result_sha256)
        for event in run.ledger.in_force()
        if event.correction is not None
    }
    server = server_of(run)
    harvest = ingest(server, known, since=last.seen_until if last else None, progress=progress)
    for submission in harvest.submissions:
        _store(run, submission)
    _record_deletions(run, harvest)
    _record_comparisons(run)
    state = _polled(last, harvest)
    if state and (last is None or state.model_copy(update={"at": last.at}) != last):
        run.ledger.append(state)
    refused = state.refused if state else {}
    standing = set(_published(run, iteration).values()) - {task.task_id for task in harvest.tasks}
    return [
        *map(str, harvest.faults),
        *(f"task {task}: {refused[task]}" for task in sorted(standing) if task in refused),
    ]


def _record_deletions(run: Run, harvest: Harvest) -> None:
    tasks = {(task.task_id, task.section): task for task in harvest.tasks}
    for event in run.ledger.in_force():
        if (source := event.correction) is None:
            continue
        task = tasks.get((source.task_id, (event.section, source.iteration)))
        if task is not None and source.annotation_id not in task.annotation_ids:
            run.ledger.append(
                AnnotationDeleted(section=event.section, task_id=source.task_id, annotation_id=source.annotation_id)
            )


def _record_comparisons(run: Run) -> None:
    """Compare every two annotations in force of a section, each pair of versions once."""
    known = {(event.annotation_ids, event.files) for event in run.ledger.compared()}
    beside: dict[int, list[SectionLabelled]] = {}
    for event in run.ledger.in_force():
        if event.correction is not None:
            beside.setdefault(event.section, []).append(event)
    for one, other in chain.from_iterable(combinations(events, 2) for events in beside.values()):
        assert one.correction is not None
        assert other.correction is not None
        numbers = one.correction.annotation_id, other.correction.annotation_id
        files = one.file, other.file
        if (numbers, files) not in known:
            first, second = (
                read_section(run.folder.labels / event.file, event.sha256).labels for event in (one, other)
            )
            found = section_agreement(first, second)
            run.ledger.append(Compared(section=one.section, annotation_ids=numbers, files=files, agreement=found))


def _polled(last: Polled | None, harvest: Harvest) -> Polled | None:
    """Bring the state of all tasks up to date by those that changed."""
    if harvest.seen_until is None:
        return None
    skipped = set(last.skipped if last else ())
    refused = dict(last.refused if last else {})
    for task in harvest.tasks:
        skipped.discard(task.task_id)
        refused.pop(task.task_id, None)
        if task.skipped:
            skipped.add(task.task_id)
        if task.refused:
            refused[task.task_id] = task.refused
    return Polled(seen_until=harvest.seen_until, skipped=sorted(skipped), refused=refused)


def _store(run: Run, submission: Submission) -> None:
    ranked = run.ledger.finished(Ranked, submission.iteration)
    promoted = run.ledger.finished(Trained, ranked.predicted_in)
    discarded = submission.verdict == VERDICTS[-1]
    path, digest = write_section(
        run.folder.labels, submission.z, submission.labels, counted=submission.counted | discarded
    )
    correction = Correction(
        iteration=submission.iteration,
        task_id=submission.task_id,
        annotation_id=submission.annotation_id,
        annotator=submission.annotator,
        submitted_at=submission.submitted_at,
        lead_time_s=submission.lead_time_s,
        model_sha256=promoted.sha256,
        result_sha256=submission.result_sha256,
        regions_kept=submission.kept,
        regions_changed=submission.changed,
        regions_added=submission.added,
        regions_deleted=submission.deleted,
        cuts=submission.cuts,
        joins=submission.joins,
        grown=submission.grown,
        removed=submission.removed,
        unsure_px=0 if discarded else int(np.count_nonzero(~submission.counted)),
        discarded=discarded,
        effort=submission.effort,
    )
    run.ledger.append(SectionLabelled(section=submission.z, file=path.name, sha256=digest, correction=correction))
