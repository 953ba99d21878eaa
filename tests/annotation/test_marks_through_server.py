"""Strokes and points by the real server: drawn on published sections, found in the labels."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from annotation import published
from annotation.client import LabelStudio
from annotation.ingest import Submission, ingest
from annotation.marks import point_result, stroke_result
from annotation.project import CUT, GROW, JOIN, REMOVE, UNSURE
from annotation.publish import SectionTask, publish
from annotation.server import Server
from tests.annotation.sections import task

SHAPE = (96, 96)


def section(iteration: int) -> SectionTask:
    """Four cells of 40 x 40 px with membrane between them; the outline of the upper two is one, a fifth is missing."""
    truth = np.zeros(SHAPE, np.uint32)
    truth[4:44, 4:44], truth[4:44, 48:88], truth[48:88, 4:44], truth[48:88, 48:88] = 1, 2, 3, 4
    membrane = (truth == 0).astype(np.float32)
    membrane[4:44, 44:48] = 0.4
    labels = np.where(truth == 2, np.uint32(1), np.where(truth == 4, np.uint32(0), truth))
    labels[4:44, 44:48] = 1
    return replace(task(1, iteration, labels=labels), membrane=membrane)


def mask(rows: slice, columns: slice) -> NDArray[np.bool_]:
    drawn = np.zeros(SHAPE, np.bool_)
    drawn[rows, columns] = True
    return drawn


def submit(server: Server, client: LabelStudio, shown: SectionTask, *marks: dict[str, object]) -> Submission:
    (number,) = publish(server, [shown])
    (prediction,) = client.predictions.list(task=number)
    client.annotations.create(number, result=[*(dict(region) for region in prediction.result), *marks], lead_time=2.5)
    harvest = ingest(server, set())
    assert not [fault for fault in harvest.faults if fault.task_id == number]
    (submission,) = [one for one in harvest.submissions if one.task_id == number]
    return submission


def test_marks_come_back_as_labels_and_the_rest_keeps_its_pixels(server: Server, client: LabelStudio) -> None:
    shown = section(60)
    verdict: dict[str, object] = {"from_name": "verdict", "to_name": "section", "type": "choices", "id": "verdict"}
    submission = submit(
        server,
        client,
        shown,
        stroke_result("cut", CUT, mask(np.s_[0:46], np.s_[44:48])),
        stroke_result("unsure", UNSURE, mask(np.s_[10:20], np.s_[10:20])),
        point_result("grow", GROW, (70, 70), SHAPE),
        verdict | {"value": {"choices": ["Usable"]}},
    )
    labels = submission.labels
    assert len({labels[20, 20], labels[20, 60], labels[60, 20], labels[60, 60], 0}) == 5
    assert (labels[4:44, 4:44] == labels[20, 20]).all()
    assert (labels[4:44, 48:88] == labels[20, 60]).all()
    assert (labels[48:88, 48:88] == labels[60, 60]).all()
    assert np.array_equal(labels == 3, shown.labels == 3)
    assert np.array_equal(~submission.counted, mask(np.s_[10:20], np.s_[10:20]))
    assert (submission.cuts, submission.joins, submission.grown, submission.removed) == (1, 0, 1, 0)
    assert (submission.verdict, submission.changed, submission.deleted) == ("Usable", 0, 0)


def test_outlines_are_joined_and_removed(server: Server, client: LabelStudio) -> None:
    shown = section(61)
    submission = submit(
        server,
        client,
        replace(shown, labels=np.where(shown.membrane == 0, np.mgrid[:96, :96][1] // 46 + 1, 0).astype(np.uint32)),
        stroke_result("join", JOIN, mask(np.s_[60:64], np.s_[40:52])),
        point_result("remove", REMOVE, (10, 10), SHAPE),
    )
    labels = submission.labels
    assert not labels[4:44, 4:44].any()
    assert labels[62, 46] == labels[60, 20] == labels[60, 60] > 0
    assert (submission.joins, submission.removed) == (1, 1)


def test_a_mark_that_does_nothing_goes_back_and_the_others_count(server: Server, client: LabelStudio) -> None:
    (number,) = publish(server, [section(62)])
    marks = [
        stroke_result("idle", CUT, mask(np.s_[45:47], np.s_[4:40])),
        stroke_result("cut", CUT, mask(np.s_[0:46], np.s_[44:48])),
    ]
    (prediction,) = client.predictions.list(task=number)
    client.annotations.create(number, result=[*(dict(region) for region in prediction.result), *marks])
    harvest = ingest(server, set())
    assert [fault.region_id for fault in harvest.faults if fault.task_id == number] == ["idle"]
    assert [one.cuts for one in harvest.submissions if one.task_id == number] == [1]


def test_the_membrane_map_is_kept_to_a_part_in_255(server: Server) -> None:
    shown = replace(section(63), membrane=np.linspace(0, 1, 96 * 96, dtype=np.float32).reshape(SHAPE))
    publish(server, [shown])
    kept = published.load(server.directory, 1, 63).membrane
    assert kept is not None
    assert shown.membrane is not None
    assert np.abs(kept - shown.membrane).max() <= 0.5 / 255 + 1e-6
