"""Two cells, 18 and 16 px wide, side by side, with a faint wall at columns 20 and 21, unless a test says otherwise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from annotation.marks import Marks, Point, Stroke
from annotation.operations import Operated, operate
from annotation.project import CUT, GROW, JOIN, REMOVE, UNSURE


def membrane_of(*walls: tuple[slice, slice], height: float = 1.0) -> NDArray[np.float32]:
    membrane: NDArray[np.float32] = np.zeros((24, 40), np.float32)
    membrane[:2], membrane[-2:], membrane[:, :2], membrane[:, -2:] = 1, 1, 1, 1
    for wall in walls:
        membrane[wall] = height
    return membrane


FAINT = membrane_of(np.s_[2:22, 20:22], height=0.3)
MERGED = np.zeros((24, 40), np.uint32)
MERGED[2:22, 2:38] = 7
APART = MERGED.copy()
APART[2:22, 20:22] = 0
APART[2:22, 22:38] = 9


def stroke(label: str, *boxes: tuple[slice, slice], name: str = "s") -> Stroke:
    mask = np.zeros((24, 40), np.bool_)
    for box in boxes:
        mask[box] = True
    return Stroke(name, label, mask)


def apply(labels: NDArray[np.uint32], *marks: Stroke | Point, membrane: NDArray[np.float32] | None = FAINT) -> Operated:
    strokes = [mark for mark in marks if isinstance(mark, Stroke)]
    return operate(labels, membrane, Marks(strokes, [mark for mark in marks if isinstance(mark, Point)]))


@pytest.mark.parametrize("columns", [(18, 22), (19, 25), (20, 22), (14, 18), (23, 26)])
def test_a_cut_follows_the_faint_wall_however_roughly_the_stroke_does(columns: tuple[int, int]) -> None:
    done = apply(MERGED, stroke(CUT, np.s_[0:24, slice(*columns)]))
    # The wall's two columns go to either side; of equal parts the first keeps the id.
    assert set(np.unique(done.labels)) == {0, 7, 8}
    if columns[0] >= 18 and columns[1] <= 25:
        assert (done.labels[2:22, 2:20] == 7).all()
        assert (done.labels[2:22, 22:38] == 8).all()
    assert np.array_equal(done.labels > 0, MERGED > 0)
    assert (done.cuts, done.faults) == (1, [])


def test_without_a_membrane_map_a_cut_runs_within_its_stroke() -> None:
    done = apply(MERGED, stroke(CUT, np.s_[0:24, 30:33]), membrane=None)
    assert (done.labels[2:22, 2:30] == 7).all()
    assert (done.labels[2:22, 33:38] == 8).all()


def test_a_stroke_may_stop_short_of_the_border() -> None:
    done = apply(MERGED, stroke(CUT, np.s_[6:18, 20:22]))
    assert (done.labels[2:22, 2:20] == 7).all()
    assert (done.labels[2:22, 22:38] == 8).all()


def test_a_cut_that_overshoots_leaves_the_neighbour_alone() -> None:
    labels = MERGED.copy()
    labels[12:22, 2:38] = 5
    done = apply(labels, stroke(CUT, np.s_[0:16, 19:23]))
    assert np.array_equal(done.labels == 5, labels == 5)
    assert set(np.unique(done.labels)) == {0, 5, 7, 8}


def test_two_cuts_make_three_parts_of_which_the_largest_keeps_the_id() -> None:
    done = apply(MERGED, stroke(CUT, np.s_[0:24, 9:11]), stroke(CUT, np.s_[0:24, 33:35], name="t"), membrane=None)
    assert (done.labels[10, [5, 20, 36]] == [8, 7, 9]).all()
    assert done.cuts == 2


def test_two_strokes_open_a_ring_that_neither_opens_alone() -> None:
    ring = MERGED.copy()
    ring[8:16, 12:32] = 0
    done = apply(ring, stroke(CUT, np.s_[0:10, 20:22], np.s_[14:24, 20:22]))
    assert np.array_equal(np.unique(done.labels), [0, 7, 8])
    assert (done.cuts, done.faults) == (2, [])


def test_a_cut_parts_the_pieces_of_one_object() -> None:
    labels = np.where(APART == 9, np.uint32(7), APART)
    done = apply(labels, stroke(CUT, np.s_[0:24, 18:24]))
    assert np.array_equal(done.labels, np.where(APART == 9, 8, APART))


def test_a_join_fills_the_wall_under_the_stroke_and_nothing_else() -> None:
    done = apply(APART, stroke(JOIN, np.s_[10:14, 15:27]))
    expected = np.where(APART == 9, np.uint32(7), APART)
    expected[10:14, 20:22] = 7
    assert np.array_equal(done.labels, expected)
    assert (done.joins, done.faults) == (1, [])


def test_joined_objects_bear_the_id_of_the_largest() -> None:
    labels = APART.copy()
    labels[2:22, 2:10] = 0
    assert (apply(labels, stroke(JOIN, np.s_[10:14, 15:27])).labels[10, 12:38] == 9).all()


def test_the_ends_of_a_join_do_not_leak_into_the_wall_behind() -> None:
    done = apply(APART, stroke(JOIN, np.s_[10:14, 0:40]))
    assert (done.labels[:, :2] == 0).all()
    assert (done.labels[:, 38:] == 0).all()
    assert (done.labels[10:14, 2:38] == 7).all()


def test_a_join_that_grazes_a_third_object_leaves_it_out() -> None:
    labels = APART.copy()
    labels[2:10, 2:20] = 5
    done = apply(labels, stroke(JOIN, np.s_[10:14, 15:27], np.s_[9:10, 15:18]))
    assert np.array_equal(done.labels == 5, labels == 5)


def test_a_join_whose_side_runs_along_a_third_object_leaves_it_out() -> None:
    labels = APART.copy()
    labels[2:11, 2:38][APART[2:11, 2:38] > 0] = 5
    done = apply(labels, stroke(JOIN, np.s_[10:15, 15:27]))  # a row of 10 px on object 5, the centre line below it
    assert np.array_equal(done.labels == 5, labels == 5)
    assert (done.labels[12, 2:38] == 7).all()


def test_a_point_grows_to_the_membrane_and_not_into_objects() -> None:
    membrane = membrane_of(np.s_[2:22, 20:22])
    labels = np.where(APART == 9, APART, 0).astype(np.uint32)
    done = apply(labels, Point("p", GROW, 5, 5), membrane=membrane)
    expected = labels.copy()
    expected[2:22, 2:20] = 10
    # One pixel of membrane all around it, but not the corners.
    expected[1, 2:20] = expected[22, 2:20] = 10
    expected[2:22, 1] = expected[2:22, 20] = 10
    assert np.array_equal(done.labels, expected)
    assert (done.grown, done.faults) == (1, [])


def test_a_missing_membrane_holds_a_growing_object_back() -> None:
    labels = np.zeros_like(MERGED)
    done = apply(labels, Point("p", GROW, 5, 5), stroke(CUT, np.s_[0:24, 20:22]))
    assert (done.labels[2:22, 2:20] == 1).all()
    assert (done.labels[:, 20:] == 0).all()
    assert not done.faults


def test_what_the_model_takes_for_membrane_can_grow_too() -> None:
    membrane = membrane_of(np.s_[2:22, 20:22])
    membrane[2:22, 2:20] = 0.7
    done = apply(np.where(APART == 9, APART, 0).astype(np.uint32), Point("p", GROW, 5, 5), membrane=membrane)
    assert (done.labels[2:22, 2:20] == 10).all()
    assert (done.labels[2:22, 22:38] == 9).all()


def test_what_the_model_hardly_sees_is_grown_back_farther_but_not_into_objects() -> None:
    labels = np.zeros((24, 40), np.uint32)
    labels[:, 24:] = 9
    membrane = np.full(labels.shape, 0.85, np.float32)
    membrane[10:14, 18:22] = 0.4
    done = apply(labels, Point("p", GROW, 12, 20), membrane=membrane)
    assert (done.labels[10:14, 15:24] == 10).all()
    assert (done.labels[7:17, 18:22] == 10).all()
    assert np.count_nonzero(done.labels == 10) < 11 * 11
    assert np.array_equal(done.labels == 9, labels == 9)
    assert (done.grown, done.faults) == (1, [])


def test_nothing_grows_where_the_model_is_sure_of_a_membrane() -> None:
    labels = np.zeros((24, 40), np.uint32)
    membrane = np.full(labels.shape, 0.95, np.float32)
    membrane[10:14, 18:22] = 0.1
    done = apply(labels, Point("p", GROW, 5, 5), membrane=membrane)
    assert done.faults == [("p", "the model is sure of a membrane there")]
    assert not done.labels.any()


def test_an_object_that_is_no_axon_goes_and_its_other_piece_stays() -> None:
    labels = np.where(APART == 9, np.uint32(7), APART)
    done = apply(labels, Point("p", REMOVE, 5, 30))
    assert np.array_equal(done.labels, np.where(APART == 9, 0, APART))
    assert done.removed == 1


def test_what_was_cut_off_can_be_removed() -> None:
    done = apply(MERGED, Point("p", REMOVE, 5, 36), stroke(CUT, np.s_[0:24, 20:22]))
    assert (done.labels[2:22, 2:20] == 7).all()
    assert (done.labels[:, 22:] == 0).all()


def test_unsure_pixels_do_not_count_and_keep_their_labels() -> None:
    done = apply(MERGED, stroke(UNSURE, np.s_[3:6, 3:9]))
    assert np.array_equal(done.labels, MERGED)
    assert np.array_equal(~done.counted, stroke(UNSURE, np.s_[3:6, 3:9]).mask)


def test_nothing_counts_in_a_section_to_be_discarded() -> None:
    assert not operate(MERGED, FAINT, Marks(verdict="Discard")).counted.any()
    assert operate(MERGED, FAINT, Marks(verdict="Usable")).counted.all()


@pytest.mark.parametrize(
    ("mark", "reason"),
    [
        (stroke(CUT, np.s_[0:1, 0:9]), "crosses no object"),
        (stroke(CUT, np.s_[10:12, 5:9]), "crosses no object"),
        (stroke(JOIN, np.s_[10:12, 5:9]), "fewer than two"),
        (stroke(JOIN), "is empty"),
        (Point("s", REMOVE, 0, 0), "on no object"),
        (Point("s", GROW, 10, 10), "in an object"),
        (Point("s", GROW, 10, 20), "grows to"),
    ],
)
def test_a_mark_that_does_nothing_is_named_and_changes_nothing(mark: Stroke | Point, reason: str) -> None:
    done = apply(APART, mark, membrane=membrane_of(np.s_[2:22, 20:21]))
    assert [name for name, _ in done.faults] == ["s"]
    assert reason in done.faults[0][1]
    assert np.array_equal(done.labels, APART)


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(5)))
def test_the_order_of_the_marks_decides_nothing(order: list[int]) -> None:
    labels = MERGED.copy()
    labels[16:22, 2:38], labels[14:16], labels[2:8, 2:8] = 3, 0, 0
    marks: list[Stroke | Point] = [
        stroke(CUT, np.s_[0:14, 18:24], name="a"),
        stroke(CUT, np.s_[0:14, 32:34], name="b"),
        stroke(JOIN, np.s_[10:18, 24:28], name="c"),
        Point("d", GROW, 4, 4),
        Point("e", REMOVE, 10, 36),
    ]
    first, other = apply(labels, *marks), apply(labels, *(marks[number] for number in order))
    assert (first.cuts, first.joins, first.grown, first.removed) == (2, 1, 1, 1)
    assert np.array_equal(first.labels, other.labels)


def test_large_ids_cost_nothing() -> None:
    far = np.where(MERGED > 0, np.uint32(4_000_000_000), MERGED)
    done = apply(far, stroke(CUT, np.s_[0:24, 20:22]))
    assert np.array_equal(np.unique(done.labels), [0, 4_000_000_000, 4_000_000_001])


def test_a_stroke_that_covers_a_thin_part_wholly_still_cuts_it_off() -> None:
    labels = np.where(np.mgrid[:24, :40][1] < 23, MERGED, 0).astype(np.uint32)
    done = apply(labels, stroke(CUT, np.s_[0:24, 18:25]), membrane=None)
    assert np.array_equal(np.unique(done.labels), [0, 7, 8])
    assert (done.labels[2:22, 2:18] == 7).all()
    assert (done.labels[6:18, 22] == 8).all()
