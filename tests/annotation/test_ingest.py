from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import numpy as np
import pytest

from annotation.client import LabelStudio
from annotation.ingest import Harvest, ingest
from annotation.project import find_project
from annotation.publish import publish
from annotation.server import Server
from annotation.tasks import begins_at, seen_until
from loop.errors import ServerUnavailable
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
        [one for one in everything.tasks if one.task_id == task_id],
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
    assert (submission.effort.active_s, submission.effort.pixels_changed) == (2.5, 0)
    assert not harvest.faults


def test_ingesting_twice_brings_nothing_new(server: Server, client: LabelStudio) -> None:
    (number,) = publish(server, [task(4, 21)])
    submit(client, number)
    first = ingest(server, set())
    known = {submission.key for submission in first.submissions}
    assert not ingest(server, known).submissions
    assert not ingest(server, known, since=first.seen_until).submissions


def test_an_answer_dated_before_the_last_look_is_taken_in_while_its_task_is_awaited(
    server: Server, client: LabelStudio
) -> None:
    (number,) = publish(server, [task(4, 61)])
    submit(client, number)
    later = datetime.now(UTC) + timedelta(minutes=4)  # as if the clock had been set back before the answer
    assert not ingest(server, set(), since=later).submissions
    assert [one.task_id for one in ingest(server, set(), since=later, awaited=[number]).submissions] == [number]
    assert not ingest(server, set(), since=later, awaited=[number], settled=[number]).submissions


def test_an_annotation_edited_after_ingest_is_a_new_submission(server: Server, client: LabelStudio) -> None:
    (number,) = publish(server, [task(4, 22)])
    annotation = submit(client, number)
    first = ingest(server, set())
    held = client.annotations.get(annotation)
    client.annotations.update(annotation, result=[dict(region) for region in held.result][1:])
    second = ingest(server, {submission.key for submission in first.submissions}, since=first.seen_until)
    (edited,) = second.submissions
    assert (edited.annotation_id, edited.deleted) == (annotation, 1)
    assert (edited.effort.regions_deleted, edited.effort.regions_touched) == (1, 1)


def test_an_annotation_put_back_to_an_older_version_is_taken_again(server: Server, client: LabelStudio) -> None:
    (number,) = publish(server, [task(4, 29)])
    annotation = submit(client, number)
    whole = client.annotations.get(annotation).result
    first = ingest(server, set())
    client.annotations.update(annotation, result=whole[1:])
    second = ingest(server, {submission.key for submission in first.submissions}, since=first.seen_until)
    client.annotations.update(annotation, result=whole)
    third = ingest(server, {submission.key for submission in second.submissions}, since=second.seen_until)
    assert [one.deleted for one in third.submissions if one.annotation_id == annotation] == [0]


def test_a_skipped_task_is_no_submission_and_is_reported(server: Server, client: LabelStudio) -> None:
    (number,) = publish(server, [task(4, 23)])
    annotation = submit(client, number, was_cancelled=True)
    harvest = harvest_of(server, number)
    assert not harvest.submissions
    assert not harvest.faults
    assert [state.skipped for state in harvest.tasks] == [True]
    client.annotations.delete(annotation)
    later = ingest(server, set(), since=harvest.seen_until)
    assert [state.skipped for state in later.tasks if state.task_id == number] == [False]


def test_a_draft_is_no_submission_and_its_time_counts_once(server: Server, client: LabelStudio) -> None:
    (number,) = publish(server, [task(4, 30)])
    (prediction,) = client.predictions.list(task=number)
    headers = {"Authorization": f"Token {server.token()}"}
    body = {"result": [dict(region) for region in prediction.result], "lead_time": 3.0}
    answer = httpx.post(f"{server.url}/api/tasks/{number}/drafts", headers=headers, json=body)
    assert answer.status_code == 201
    harvest = ingest(server, set(), since=datetime.now(UTC))
    assert not [one for one in harvest.submissions if one.task_id == number]
    body |= {"draft_id": answer.json()["id"], "lead_time": 6.0}
    assert httpx.post(f"{server.url}/api/tasks/{number}/annotations/", headers=headers, json=body).status_code == 201
    (submission,) = harvest_of(server, number).submissions
    assert (submission.lead_time_s, submission.effort.active_s) == (6.0, 3.0)


def test_every_annotation_of_a_task_is_taken_oldest_first(server: Server, client: LabelStudio) -> None:
    (number,) = publish(server, [task(4, 31)])
    first, second = submit(client, number), submit(client, number, lambda result: result[1:])
    client.annotations.update(first, lead_time=9.0)
    harvest = harvest_of(server, number)
    assert [one.annotation_id for one in harvest.submissions] == [second, first]
    assert harvest.tasks[0].annotation_ids == {first, second}


def test_a_deleted_annotation_is_missing_from_its_tasks_state(server: Server, client: LabelStudio) -> None:
    (number,) = publish(server, [task(4, 32)])
    first, second = submit(client, number), submit(client, number)
    seen = ingest(server, set())
    client.annotations.delete(first)
    later = ingest(server, {one.key for one in seen.submissions}, since=seen.seen_until)
    assert not later.submissions
    assert [state.annotation_ids for state in later.tasks if state.task_id == number] == [{second}]


def test_an_outline_dragged_as_a_whole_keeps_its_pixels_and_is_named(server: Server, client: LabelStudio) -> None:
    (number,) = publish(server, [task(4, 33)])

    def drag(result: list[dict[str, Any]]) -> list[dict[str, Any]]:
        points = result[2]["value"]["points"]
        result[2]["value"]["points"] = [[x + 3.0, y - 2.0] for x, y in points]
        return result

    submit(client, number, drag)
    harvest = harvest_of(server, number)
    (submission,) = harvest.submissions
    assert np.array_equal(submission.labels, cells(4))
    assert [fault.region_id for fault in harvest.faults] == [names_of(client, number)[2]]
    assert "dragged by (2.9, -1.9) px" in harvest.faults[0].reason


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
    assert harvest.tasks[0].refused == harvest.faults[0].reason


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


def test_the_first_look_passes_over_tasks_that_nobody_touched(server: Server, client: LabelStudio) -> None:
    answered, untouched = publish(server, [task(4, 34), task(5, 34)])
    submit(client, answered)
    seen = {state.task_id for state in ingest(server, set()).tasks}
    assert answered in seen
    assert untouched not in seen


def test_the_next_look_begins_at_the_newest_change_or_a_little_before_now() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    minute = timedelta(minutes=1)
    assert seen_until([], None, now=noon) is None
    assert seen_until([], noon - minute, now=noon) == noon - minute
    assert seen_until([noon - 2 * minute, noon - minute], None, now=noon) == noon - minute
    assert seen_until([noon - 60 * minute], noon - 90 * minute, now=noon) == noon - 5 * minute
    assert seen_until([noon + minute], noon + 2 * minute, now=noon) == noon + 2 * minute


def test_a_clock_that_was_wrong_makes_the_next_look_pass_nothing_over() -> None:
    noon, minute, year = datetime(2026, 1, 1, 12, tzinfo=UTC), timedelta(minutes=1), timedelta(days=365)
    assert seen_until([noon + year], noon, now=noon) == noon + 5 * minute  # answered while the clock was ahead
    assert begins_at(noon + 5 * minute, now=noon) == noon + 5 * minute
    assert begins_at(noon, now=noon - year) is None  # set back
    assert begins_at(None, now=noon) is None


def test_a_later_look_reads_only_what_changed_since(server: Server, client: LabelStudio) -> None:
    (number,) = publish(server, [task(4, 28)])
    submit(client, number)
    seen: list[int] = []

    def listen(done: int, total: int, note: str = "") -> None:
        seen.append(done)

    ingest(server, set(), since=datetime.now(UTC) + timedelta(minutes=3), progress=listen)
    assert not seen


def test_a_project_that_was_renamed_while_tasks_are_awaited_is_said(server: Server) -> None:
    renamed = replace(server, project="no such title")
    assert not ingest(renamed, set()).submissions  # before the first publishing there is none
    with pytest.raises(ServerUnavailable, match=r"'no such title'.*2 tasks wait"):
        ingest(renamed, set(), awaited=[1, 2])
