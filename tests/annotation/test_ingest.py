from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from label_studio_sdk import LabelStudio

from annotation.ingest import Harvest, ingest
from annotation.project import find_project
from annotation.publish import publish
from annotation.server import Server
from tests.annotation.sections import cells, task


def submit(client: LabelStudio, task_id: int, change: Any = lambda result: result, **fields: Any) -> int:
    """Submit the pre-annotation of a task after `change`, as the run's own user; give the annotation's id."""
    (prediction,) = client.predictions.list(task=task_id)
    result = change([dict(region) for region in prediction.result])
    return int(client.annotations.create(task_id, result=result, lead_time=2.5, **fields).id or 0)


def harvest_of(server: Server, task_id: int) -> Harvest:
    everything = ingest(server, set())
    return Harvest(
        [one for one in everything.submissions if one.task_id == task_id],
        [one for one in everything.faults if one.task_id == task_id],
        everything.seen_until,
    )


def test_an_untouched_task_comes_back_pixel_identical_with_its_provenance(server: Server, client: LabelStudio) -> None:
    (number,) = publish(server, [task(4, 20)])
    annotation = submit(client, number)
    harvest = harvest_of(server, number)
    (submission,) = harvest.submissions
    assert np.array_equal(submission.labels, cells(4))
    assert (submission.z, submission.iteration, submission.annotation_id) == (4, 20, annotation)
    assert submission.annotator == server.email
    assert submission.lead_time_s == 2.5
    assert abs((datetime.now(UTC) - submission.submitted_at).total_seconds()) < 60
    assert (submission.changed, submission.added, submission.deleted) == (0, 0, 0)
    assert submission.kept > 5
    assert not harvest.faults


def test_ingesting_twice_brings_nothing_new(server: Server, client: LabelStudio) -> None:
    (number,) = publish(server, [task(4, 21)])
    submit(client, number)
    first = ingest(server, set())
    known = {submission.key for submission in first.submissions}
    assert not ingest(server, known).submissions
    assert not ingest(server, known, since=first.seen_until).submissions


def test_an_annotation_edited_after_ingest_is_a_new_submission(server: Server, client: LabelStudio) -> None:
    (number,) = publish(server, [task(4, 22)])
    annotation = submit(client, number)
    first = ingest(server, set())
    held = client.annotations.get(annotation)
    client.annotations.update(annotation, result=[dict(region) for region in held.result][1:])
    second = ingest(server, {submission.key for submission in first.submissions}, since=first.seen_until)
    (edited,) = second.submissions
    assert (edited.annotation_id, edited.deleted) == (annotation, 1)


def test_drafts_and_skipped_tasks_are_not_submissions(server: Server, client: LabelStudio) -> None:
    (number,) = publish(server, [task(4, 23)])
    submit(client, number, was_cancelled=True)
    harvest = harvest_of(server, number)
    assert not harvest.submissions
    assert not harvest.faults


def test_a_bad_region_is_named_and_does_not_block_the_others(server: Server, client: LabelStudio) -> None:
    (number,) = publish(server, [task(4, 24)])

    def damage(result: list[dict[str, Any]]) -> list[dict[str, Any]]:
        result[0]["value"]["points"] = []
        result[1]["type"] = "ellipselabels"
        return result[:-1]

    annotation = submit(client, number, damage)
    harvest = harvest_of(server, number)
    assert [(fault.annotation_id, fault.region_id) for fault in harvest.faults] == [
        (annotation, name) for name in names_of(client, number)[:2]
    ]
    (submission,) = harvest.submissions
    assert submission.deleted == 1
    assert (submission.labels != cells(4)).sum() == (cells(4) == submission_gone(client, number)).sum()


def names_of(client: LabelStudio, task_id: int) -> list[str]:
    (prediction,) = client.predictions.list(task=task_id)
    return [str(dict(region)["id"]) for region in prediction.result]


def submission_gone(client: LabelStudio, task_id: int) -> int:
    return int(names_of(client, task_id)[-1].split("-")[1][1:])


def test_an_empty_annotation_over_published_contours_is_a_fault(server: Server, client: LabelStudio) -> None:
    (number,) = publish(server, [task(4, 25)])
    submit(client, number, lambda _: [])
    harvest = harvest_of(server, number)
    assert not harvest.submissions
    assert "none of the" in harvest.faults[0].reason


def test_tasks_that_others_put_into_the_project_are_named_not_taken(server: Server, client: LabelStudio) -> None:
    publish(server, [task(4, 26)])
    project = find_project(client)
    shown = dict.fromkeys(("image", "before", "after", "title", "reason", "before_title", "after_title"), "x")
    foreign = client.tasks.create(data=shown, project=project)
    client.annotations.create(int(foreign.id or 0), result=[])
    harvest = harvest_of(server, int(foreign.id or 0))
    assert not harvest.submissions
    assert "not published by proofloop" in str(harvest.faults[0])


def test_a_lost_pre_annotation_is_a_fault_of_that_task_alone(server: Server, client: LabelStudio) -> None:
    lost, fine = publish(server, [task(4, 27), task(5, 27)])
    for number in (lost, fine):
        submit(client, number)
    (server.directory / "published" / "it027-z00004.npz").unlink()
    assert "is gone" in harvest_of(server, lost).faults[0].reason
    assert len(harvest_of(server, fine).submissions) == 1


def test_a_later_look_reads_only_what_changed_since(server: Server, client: LabelStudio) -> None:
    (number,) = publish(server, [task(4, 28)])
    submit(client, number)
    seen: list[int] = []

    def listen(done: int, total: int, note: str = "") -> None:
        seen.append(done)

    ingest(server, set(), since=datetime.now(UTC) + timedelta(minutes=5), progress=listen)
    assert not seen
