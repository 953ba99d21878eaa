"""What came back from Label Studio: every version stored, the iteration closed when nothing of it is open."""

from collections.abc import Mapping
from itertools import chain, combinations

import numpy as np

from annotation.ingest import Harvest, Submission, ingest, key_of
from annotation.project import VERDICTS
from annotation.returning import send_back
from annotation.server import Server
from flows.labelling_server import server_of
from flows.runs import Run
from loop.agreement import section_agreement
from loop.annotators import ORACLE
from loop.answer_events import (
    AnnotationDeleted,
    Compared,
    ConsensusReached,
    Correction,
    GoldAnswered,
    Polled,
    SectionLabelled,
    SentBack,
    TaskDeleted,
)
from loop.consensus import consensus
from loop.errors import ProofloopError
from loop.events import Ingested, Published, Ranked, Trained
from loop.iteration import Stage, require
from loop.labels import read_section, write_section
from loop.places import Place
from loop.progress import Progress, silent

PROOFLOOP = "proofloop"
"""Who sent an answer back where no reviewer did."""


def ingest_submissions(run: Run, progress: Progress = silent) -> None:
    """Store what changed; close the iteration once each of its tasks was answered, skipped or deleted.

    Raises
    ------
    ProofloopError
        After everything usable is stored, if a submission had faults or a task was deleted; it names them all.
    """
    iteration = require(run.ledger, Stage.INGEST)
    faults: list[str] = []
    awaited = run.ledger.open_tasks(iteration) | run.ledger.left_open()
    if awaited or any(_owed(run, answer) for answer in _answers(run)):
        faults = _look(run, awaited, progress)
    if not run.ledger.open_tasks(iteration):
        close_iteration(run)
    if faults:
        raise ProofloopError("what could be used is stored; what could not:\n  " + "\n  ".join(faults))


def close_iteration(run: Run) -> None:
    """Close the open iteration with the answers that are there.

    Tasks that are still open stay with the annotators: what comes of them later is taken in with the answers of the
    next iterations.
    """
    iteration = require(run.ledger, Stage.INGEST)
    asked, known = run.ledger.finished(Published, iteration).tasks, run.ledger.answered()
    still = run.ledger.open_tasks(iteration)
    places = sorted(asked, key=lambda place: place.order)
    answered = [place for place in places if place in known]
    skipped = [place for place in places if place not in known and asked[place] not in still]
    run.ledger.append(Ingested(iteration=iteration, sections=answered, skipped=skipped, left_open=sorted(still)))


def _look(run: Run, awaited: Mapping[int, Place], progress: Progress) -> list[str]:
    """Take in what changed since the last look; give its faults, and answers of before that still cannot be used.

    The look itself is recorded last: what a crash left out is looked at again, and known versions are passed over.
    """
    last = run.ledger.polled()
    answers = _answers(run)
    known = {key_of(answer.annotation_id, answer.result_sha256) for answer in answers}
    owed = {key_of(answer.annotation_id, answer.result_sha256) for answer in answers if _owed(run, answer)}
    server = server_of(run)
    harvest = ingest(
        server,
        known - owed,
        since=last.seen_until if last else None,
        awaited=awaited,
        settled={*last.refused, *last.skipped} if last else (),
        progress=progress,
    )
    faulty = {(fault.task_id, fault.annotation_id) for fault in harvest.faults}
    for submission in harvest.submissions:
        if submission.key not in owed:
            _store(run, submission, faulty=(submission.task_id, submission.annotation_id) in faulty)
    _record_deletions(run, harvest)
    for task in harvest.gone:
        run.ledger.append(TaskDeleted(section=awaited[task].z, task_id=task))
    _record_comparisons(run)
    _record_consensus(run)
    returned = _send_faulty_back(run, server, harvest)
    state = _polled(last, harvest, returned)
    if state and (last is None or state.model_copy(update={"at": last.at}) != last):
        run.ledger.append(state)
    refused = state.refused if state else {}
    standing = awaited.keys() - {task.task_id for task in harvest.tasks}
    return [
        *map(str, harvest.faults),
        *(f"task {task}: {refused[task]}" for task in sorted(standing) if task in refused),
        *(f"task {task} went back to the annotators" for task in sorted(returned)),
        *(f"task {task} was deleted in Label Studio; section {awaited[task]} is free again" for task in harvest.gone),
    ]


def _answers(run: Run) -> list[Correction]:
    """Give what was taken last of every annotation."""
    sources = [event.correction for event in run.ledger.in_force()]
    sources += [event.correction for event in run.ledger.of_kind(GoldAnswered)]
    return [source for source in sources if source is not None]


def _owed(run: Run, answer: Correction) -> bool:
    """Tell whether an answer is stored whose task should have gone back, which a crash may have prevented."""
    if not answer.faulty or answer.annotator == ORACLE:
        return False
    return all(event.task_id != answer.task_id for event in run.ledger.of_kind(SentBack))


def _record_deletions(run: Run, harvest: Harvest) -> None:
    tasks = {(task.task_id, task.section): task for task in harvest.tasks}
    returned = {event.annotation_id for event in run.ledger.of_kind(SentBack)}
    for event in run.ledger.in_force():
        if (source := event.correction) is None or source.annotation_id in returned:
            continue
        task = tasks.get((source.task_id, (event.section, source.iteration)))
        if task is not None and source.annotation_id in task.annotation_ids:
            continue
        if _owed(run, source):  # deleted by ourselves, right before a crash; its task may be too young to be listed
            run.ledger.append(_returned(event.section, source.task_id, source.annotation_id, "Please look again."))
        elif task is not None:
            run.ledger.append(
                AnnotationDeleted(section=event.section, task_id=source.task_id, annotation_id=source.annotation_id)
            )


def _beside(run: Run) -> dict[Place, list[SectionLabelled]]:
    """Give the annotations in force of every section or tile that has any."""
    beside: dict[Place, list[SectionLabelled]] = {}
    for event in run.ledger.in_force():
        if event.correction is not None:
            beside.setdefault(event.place, []).append(event)
    return beside


def _record_comparisons(run: Run) -> None:
    """Compare every two annotations in force of a section or tile, each pair of versions once."""
    known = {(event.annotation_ids, event.files) for event in run.ledger.compared()}
    for one, other in chain.from_iterable(combinations(events, 2) for events in _beside(run).values()):
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


def _record_consensus(run: Run) -> None:
    """Make one of several annotations that a model may learn from, once for each set of versions."""
    if run.config.annotation.several != "consensus":
        return
    known = {tuple(event.files) for event in run.ledger.of_kind(ConsensusReached)}
    for place, events in _beside(run).items():
        usable = [event for event in events if event.correction and not event.correction.discarded]
        files = tuple(dict.fromkeys(event.file for event in usable))
        if len(files) > 1 and files not in known:
            sections = [read_section(run.folder.labels / event.file, event.sha256) for event in usable]
            agreed = consensus(sections)
            path, digest = write_section(run.folder.labels, place.z, agreed.labels, counted=agreed.counted)
            run.ledger.append(
                ConsensusReached(section=place.z, tile=place.tile, files=list(files), file=path.name, sha256=digest)
            )


def _send_faulty_back(run: Run, server: Server, harvest: Harvest) -> set[int]:
    """Open the tasks again of which regions could not be used; a task goes back once, then its faults are only named.

    The oracle's do not: it would answer the same again.
    """
    again = {event.task_id for event in run.ledger.of_kind(SentBack)}
    sections = {task.task_id: task.section for task in harvest.tasks}
    usable = {(one.task_id, one.annotation_id): one for one in harvest.submissions}
    returned: set[int] = set()
    for key in dict.fromkeys((fault.task_id, fault.annotation_id) for fault in harvest.faults):
        section, submission = sections.get(key[0]), usable.get(key)
        if section is None or key[0] in again or (submission and submission.annotator == ORACLE):
            continue
        faults = [fault for fault in harvest.faults if (fault.task_id, fault.annotation_id) == key]
        reason = "Please look again: " + "; ".join(dict.fromkeys(fault.words for fault in faults))
        refused = {fault.region_id for fault in faults} if submission else None
        if send_back(server, *key, reason=reason, refused=refused):
            run.ledger.append(_returned(section[0], *key, reason))
            returned.add(key[0])
            again.add(key[0])
    return returned


def _returned(section: int, task_id: int, annotation_id: int, reason: str) -> SentBack:
    return SentBack(
        section=section, task_id=task_id, annotation_id=annotation_id, reason=reason, by=PROOFLOOP, usable=True
    )


def _polled(last: Polled | None, harvest: Harvest, returned: set[int]) -> Polled | None:
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
        if task.refused and task.task_id not in returned:
            refused[task.task_id] = task.refused
    return Polled(seen_until=harvest.seen_until, skipped=sorted(skipped), refused=refused)


def _store(run: Run, submission: Submission, *, faulty: bool) -> None:
    discarded = submission.verdict == VERDICTS[-1]
    path, digest = write_section(
        run.folder.labels, submission.z, submission.labels, counted=submission.counted | discarded
    )
    published = run.ledger.finished(Published, submission.iteration)
    if submission.place in published.gold:
        _score(run, submission, path.name, faulty=faulty)
        return
    correction = _correction(submission, _model_of(run, submission, published), faulty=faulty)
    required = run.config.annotation.review == "required"
    run.ledger.append(
        SectionLabelled(
            section=submission.z,
            file=path.name,
            sha256=digest,
            tile=submission.tile,
            correction=correction.model_copy(update={"review_required": required}),
        )
    )


def _model_of(run: Run, submission: Submission, published: Published) -> str:
    """Hash of the model that pre-annotated: what is asked again has the outlines of its first task.

    Outlines that an annotator asked for afresh are named by the model that the prediction service had then.
    """
    if submission.version:
        models = [event.sha256 for event in run.ledger.of_kind(Trained)]
        return next((sha256 for sha256 in models if submission.version.startswith(sha256[:8])), "")
    if submission.place in published.repeats:
        first = next(event.correction for event in run.ledger.corrections() if event.place == submission.place)
        return first.model_sha256 if first else ""
    ranked = run.ledger.finished(Ranked, submission.iteration)
    return run.ledger.finished(Trained, ranked.predicted_in).sha256


def _score(run: Run, submission: Submission, file: str, *, faulty: bool) -> None:
    """Measure an answer whose truth is known; nothing is learnt from it."""
    given = next(event for event in run.ledger.in_force() if event.section == submission.z and not event.correction)
    window = submission.tile.window if submission.tile else np.s_[:, :]
    truth = read_section(run.folder.labels / given.file, given.sha256).labels[window]
    run.ledger.append(
        GoldAnswered(
            section=submission.z,
            tile=submission.tile,
            file=file,
            correction=_correction(submission, "", faulty=faulty),
            published=section_agreement(truth, submission.before[window]),
            answered=section_agreement(truth, submission.labels[window]),
        )
    )


def _correction(submission: Submission, model_sha256: str, *, faulty: bool) -> Correction:
    discarded = submission.verdict == VERDICTS[-1]
    window = submission.tile.window if submission.tile else np.s_[:, :]
    return Correction(
        iteration=submission.iteration,
        task_id=submission.task_id,
        annotation_id=submission.annotation_id,
        annotator=submission.annotator,
        submitted_at=submission.submitted_at,
        lead_time_s=submission.lead_time_s,
        model_sha256=model_sha256,
        result_sha256=submission.result_sha256,
        regions_kept=submission.kept,
        regions_changed=submission.changed,
        regions_added=submission.added,
        regions_deleted=submission.deleted,
        cuts=submission.cuts,
        joins=submission.joins,
        grown=submission.grown,
        removed=submission.removed,
        unsure_px=0 if discarded else int(np.count_nonzero(~submission.counted[window])),
        discarded=discarded,
        faulty=faulty,
        effort=submission.effort,
    )
