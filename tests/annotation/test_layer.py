from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation
from skimage.segmentation import expand_labels

from annotation import published
from annotation.boundaries import pieces_of
from annotation.client import LabelStudio
from annotation.contours import contours_of
from annotation.correction import Correction, PreAnnotation, correct
from annotation.ingest import Submission, ingest
from annotation.layer import is_layer, layer_region, surest
from annotation.marks import OPAQUE, decoded, parse_marks, point_result, stroke_result
from annotation.oracle import annotate
from annotation.oracle_marks import MarkRules
from annotation.preparing import Style
from annotation.project import CUT, REMOVE
from annotation.publish import SectionTask, publish
from annotation.regions import Region
from annotation.returning import send_back
from annotation.server import Server
from loop.metrics import agreement
from tests.annotation.sections import SIZE, cells, task

AT_MOST = 4


def sure_of(z: int, iteration: int, labels: NDArray[np.uint32] | None = None) -> SectionTask:
    """Give a task with a membrane map that is unsure of some borders."""
    doubt = np.random.default_rng(z).uniform(0.5, 1, (SIZE, SIZE)).astype(np.float32)
    return replace(task(z, iteration, labels=labels), membrane=(cells(z) == 0) * doubt)


def shown(client: LabelStudio, number: int) -> list[dict[str, Any]]:
    (prediction,) = client.predictions.list(task=number)
    return [dict(region) for region in prediction.result]


def submission_of(server: Server, number: int) -> Submission:
    harvest = ingest(server, set())
    assert not [fault for fault in harvest.faults if fault.task_id == number]
    (submission,) = [one for one in harvest.submissions if one.task_id == number]
    return submission


def largest_layered(server: Server, z: int, iteration: int) -> tuple[PreAnnotation, NDArray[np.bool_]]:
    before = published.load(server.directory, z, iteration)
    pieces = pieces_of(before.labels)
    number = max(before.layered, key=lambda one: np.count_nonzero(pieces == one + 1))
    return before, pieces == number + 1


def test_the_least_sure_objects_stay_outlines() -> None:
    confidence = np.array([0.9, 0.1, 0.5, 0.5, 0.0])
    assert surest(confidence, 3) == {0, 3}
    assert surest(confidence, 5) == frozenset()
    assert surest(confidence, 0) == {0, 1, 2, 3, 4}


def test_lines_are_one_pixel_wide_also_between_objects_that_touch() -> None:
    pieces = np.zeros((5, 9), np.int32)
    pieces[1:4, 1:4], pieces[1:4, 4:7] = 1, 2
    value: Any = layer_region(pieces, {0, 1})["value"]
    alpha = decoded(value["rle"], (5, 9))
    assert alpha is not None
    drawn = ["".join(".#"[pixel] for pixel in row) for row in (alpha > OPAQUE).astype(int)]
    assert drawn == [".........", ".######..", ".#..#.#..", ".######..", "........."]


@pytest.mark.parametrize("rle", [[1, 2, 3], None, "x"])
def test_whatever_becomes_of_the_layer_says_nothing(rle: object) -> None:
    layer: dict[str, Any] = layer_region(np.ones((4, 4), np.int32), {0})
    marks, faults, rest = parse_marks([layer | {"value": layer["value"] | {"rle": rle}}], (4, 4))
    assert (marks.strokes, marks.points, faults, rest) == ([], [], [], [])


def two_in_a_row(*drawn: Region) -> Correction:
    """Correct two squares, 1 and 2, that touch, both in the layer."""
    labels = np.zeros((12, 22), np.uint32)
    labels[1:11, 1:11], labels[1:11, 11:21] = 1, 2
    return correct(PreAnnotation(0, labels, contours_of(labels), layered=frozenset({0, 1})), drawn)


def drawn_box(left: float, top: float, right: float, bottom: float) -> Region:
    return Region("drawn", np.array([(left, top), (right, top), (right, bottom), (left, bottom)]))


def test_objects_of_the_layer_keep_their_pixels_without_coming_back() -> None:
    correction = two_in_a_row()
    assert (correction.kept, correction.deleted) == (2, 0)
    assert np.unique(correction.labels, return_counts=True)[1].tolist() == [64, 100, 100]


def test_an_outline_drawn_over_most_of_a_layered_object_stands_for_all_of_it() -> None:
    correction = two_in_a_row(drawn_box(1, 1, 9, 11))
    assert (correction.kept, correction.added, correction.deleted) == (1, 1, 1)
    assert np.bincount(correction.labels.ravel()).tolist() == [84, 0, 100, 80]


def test_an_outline_drawn_over_a_corner_of_a_layered_object_takes_that_corner_alone() -> None:
    correction = two_in_a_row(drawn_box(1, 1, 5, 11))
    assert (correction.kept, correction.added, correction.deleted) == (2, 1, 0)
    assert np.bincount(correction.labels.ravel()).tolist() == [64, 60, 100, 40]


def test_a_task_has_so_many_outlines_and_one_layer_and_comes_back_to_the_pixel(
    server: Server, client: LabelStudio
) -> None:
    (number,) = publish(server, [sure_of(2, 80)], style=Style(outlines_at_most=AT_MOST))
    regions = shown(client, number)
    assert [is_layer(region) for region in regions] == [True] + AT_MOST * [False]
    client.annotations.create(number, result=regions[1:])
    submission = submission_of(server, number)
    assert np.array_equal(submission.labels, cells(2))
    assert submission.kept == len(published.load(server.directory, 2, 80).contours)
    assert (submission.changed, submission.added, submission.deleted) == (0, 0, 0)


def test_a_section_that_is_all_layer_may_come_back_empty(server: Server, client: LabelStudio) -> None:
    (number,) = publish(server, [sure_of(2, 81)], style=Style(outlines_at_most=0))
    client.annotations.create(number, result=[])
    assert np.array_equal(submission_of(server, number).labels, cells(2))


def test_without_a_membrane_map_all_outlines_can_be_edited(server: Server, client: LabelStudio) -> None:
    (number,) = publish(server, [task(2, 82)], style=Style(outlines_at_most=AT_MOST))
    assert not any(is_layer(region) for region in shown(client, number))


def test_strokes_and_points_work_on_the_layer(server: Server, client: LabelStudio) -> None:
    numbers = publish(server, [sure_of(2, 83), sure_of(3, 83)], style=Style(outlines_at_most=AT_MOST))
    before, own = largest_layered(server, 2, 83)
    column = int(np.median(np.nonzero(own)[1]))
    stroke = np.zeros(own.shape, np.bool_)
    stroke[:, column] = own[:, column]
    client.annotations.create(numbers[0], result=[*shown(client, numbers[0]), stroke_result("s", CUT, stroke)])
    submission = submission_of(server, numbers[0])
    assert (submission.cuts, submission.effort.regions_split) == (1, 1)
    assert len(np.unique(submission.labels[own])) == 2
    assert np.array_equal(submission.labels[~own], before.labels[~own])

    before, own = largest_layered(server, 3, 83)
    y, x = np.argwhere(own)[np.count_nonzero(own) // 2].tolist()
    point = point_result("p", REMOVE, (y, x), (SIZE, SIZE))
    client.annotations.create(numbers[1], result=[*shown(client, numbers[1]), point])
    submission = submission_of(server, numbers[1])
    assert submission.removed == 1
    assert np.array_equal(submission.labels, np.where(own, 0, before.labels))


@pytest.mark.parametrize(("rules", "iteration"), [("outlines", 84), ("marks", 85)])
def test_the_oracle_mends_what_is_wrong_in_the_layer(server: Server, rules: str, iteration: int) -> None:
    truth = cells(3)
    wide, sizes = expand_labels(truth, 3), np.bincount(truth.ravel())
    merged = int(sizes[1:].argmax()) + 1
    other = int(np.bincount(wide[binary_dilation(wide == merged, iterations=2) & (wide != merged)]).argmax())
    split, lost = [number for number in np.argsort(-sizes[1:]) + 1 if number not in (merged, other)][:2]
    wrong = np.where(np.isin(wide, [merged, other]), merged, truth).astype(np.uint32)
    rows = np.flatnonzero((truth == split).any(axis=1))
    wrong[: rows.mean().astype(int)][truth[: rows.mean().astype(int)] == split] = 99
    wrong[truth == lost] = 0
    (number,) = publish(server, [sure_of(3, iteration, labels=wrong)], style=Style(outlines_at_most=0))
    if rules == "marks":
        annotate(server, iteration, cells, rules=MarkRules())
    else:
        report = annotate(server, iteration, cells)
        submission = submission_of(server, number)
        assert (submission.kept, submission.added, submission.deleted) == (report.kept, report.added, report.deleted)
    submission = submission_of(server, number)
    was, now = (agreement(one, truth, dice=1) for one in (wrong, submission.labels))
    assert was.voi_split + was.voi_merge > 0.3
    assert now.voi_split + now.voi_merge < 0.05


def test_an_answer_that_is_sent_back_shows_the_layer_again(server: Server, client: LabelStudio) -> None:
    (number,) = publish(server, [sure_of(5, 86)], style=Style(outlines_at_most=AT_MOST))
    layer, *outlines = shown(client, number)
    annotation = client.annotations.create(number, result=outlines[1:])
    assert send_back(server, number, int(annotation.id or 0), reason="Look again.")
    assert sorted(map(str, shown(client, number))) == sorted(map(str, [layer, *outlines[1:]]))
