"""Four cells of 40 x 40 px; the shown outlines differ from them in ways that a person sees."""

import numpy as np
from numpy.typing import NDArray

from annotation.client import LabelStudio
from annotation.ingest import ingest
from annotation.marks import Marks
from annotation.operations import operate
from annotation.oracle import annotate
from annotation.oracle_marks import MarkRules, marks_towards
from annotation.publish import SectionTask, publish
from annotation.server import Server

SHAPE = (96, 96)
TRUTH = np.zeros(SHAPE, np.uint32)
TRUTH[4:44, 4:44], TRUTH[4:44, 48:88], TRUTH[48:88, 4:44], TRUTH[48:88, 48:88] = 1, 2, 3, 4
MEMBRANE = np.where(TRUTH == 0, 0.9, 0.1).astype(np.float32)


def kinds(marks: Marks) -> list[str]:
    return [stroke.label for stroke in marks.strokes] + [point.label for point in marks.points]


def repaired(shown: NDArray[np.uint32], marks: Marks) -> NDArray[np.uint32]:
    done = operate(shown, MEMBRANE, marks)
    assert not done.faults
    return done.labels


def is_right(labels: NDArray[np.uint32]) -> bool:
    """Tell whether every cell has one label of its own, four pixels from its border at the latest."""
    found = [np.unique(labels[y + 4 : y + 36, x + 4 : x + 36]).tolist() for y in (4, 48) for x in (4, 48)]
    return all(len(one) == 1 for one in found) and len({0, *(one[0] for one in found)}) == 5


def test_nothing_is_marked_where_nothing_is_wrong() -> None:
    assert not kinds(marks_towards(TRUTH, TRUTH))


def test_one_stroke_repairs_a_merger_of_two() -> None:
    shown = np.where(TRUTH == 2, np.uint32(1), TRUTH)
    shown[4:44, 44:48] = 1
    marks = marks_towards(shown, TRUTH)
    assert kinds(marks) == ["Missing membrane"]
    assert is_right(repaired(shown, marks))


def test_three_strokes_repair_a_merger_of_four() -> None:
    shown = np.zeros_like(TRUTH)
    shown[4:88, 4:88] = 1
    marks = marks_towards(shown, TRUTH)
    assert kinds(marks) == ["Missing membrane"] * 3
    assert is_right(repaired(shown, marks))


def test_one_stroke_repairs_a_split() -> None:
    shown = TRUTH.copy()
    shown[4:44, 20:23], shown[4:44, 23:44] = 0, 9
    marks = marks_towards(shown, TRUTH)
    assert kinds(marks) == ["False membrane"]
    labels = repaired(shown, marks)
    assert labels[20, 10] == labels[20, 40] > 0


def test_what_is_reached_over_another_object_alone_is_not_joined() -> None:
    truth = np.zeros(SHAPE, np.uint32)
    truth[4:60, 4:84], truth[4:44, 20:68] = 1, 0
    truth[4:40, 24:64] = 2
    shown = truth.copy()
    shown[40:60], shown[4:40, 68:84] = 0, 3  # of a U the bottom is missing; between its arms lies another cell
    assert kinds(marks_towards(shown, truth)) == []
    shown[4:40, 24:64] = 0
    assert "False membrane" in kinds(marks_towards(shown, truth))


def test_one_point_repairs_a_missing_object_and_one_a_false_object() -> None:
    shown = np.where(TRUTH == 4, np.uint32(0), TRUTH)
    shown[90:96] = 7
    marks = marks_towards(shown, TRUTH)
    assert kinds(marks) == ["Missing axon", "Not an axon"]
    labels = repaired(shown, marks)
    assert is_right(labels)
    assert not labels[92:].any()


def test_specks_and_slivers_are_not_marked() -> None:
    shown = TRUTH.copy()
    shown[4:44, 44:50] = 1
    shown[50:53, 50:53] = 8
    assert not kinds(marks_towards(shown, TRUTH))


def test_the_oracle_answers_by_marks_through_the_server(server: Server, client: LabelStudio) -> None:
    shown = np.where(TRUTH == 2, np.uint32(1), np.where(TRUTH == 4, np.uint32(0), TRUTH))
    shown[4:44, 44:48] = 1
    image = np.where(TRUTH > 0, 180, 40).astype(np.uint8)
    (number,) = publish(server, [SectionTask(1, 64, image, None, None, shown, "A test.", 0.5, MEMBRANE)])
    (prediction,) = client.predictions.list(task=number)
    assert [bool(dict(region).get("readonly")) for region in prediction.result] == [False, True]
    report = annotate(server, 64, lambda _: TRUTH, rules=MarkRules())
    assert (report.kept, report.changed, report.marks) == (2, 0, 2)
    (submission,) = [one for one in ingest(server, set()).submissions if one.iteration == 64]
    assert is_right(submission.labels)
    assert (submission.cuts, submission.grown) == (1, 1)
