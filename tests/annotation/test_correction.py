import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from annotation.contours import contours_of
from annotation.correction import PreAnnotation, correct
from annotation.regions import Region, parse_regions, polygon_region, region_id
from tests.annotation.sections import cells

Z = 4


def published(labels: NDArray[np.uint32]) -> PreAnnotation:
    return PreAnnotation(Z, labels, contours_of(labels))


def through_the_server(before: PreAnnotation) -> list[Region]:
    shape = (before.labels.shape[0], before.labels.shape[1])
    regions, faults = parse_regions(
        [polygon_region(region_id(Z, contour), contour.points, shape) for contour in before.contours], shape
    )
    assert not faults
    return regions


def box(name: str, left: float, top: float, right: float, bottom: float) -> Region:
    return Region(name, np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float64))


@settings(max_examples=100, deadline=None)
@given(arrays(np.uint32, st.tuples(st.integers(1, 14), st.integers(1, 14)), elements=st.integers(0, 3)))
def test_untouched_regions_keep_every_pixel(labels: NDArray[np.uint32]) -> None:
    before = published(labels)
    correction = correct(before, through_the_server(before))
    assert np.array_equal(correction.labels, labels)
    assert correction.kept == len(before.contours)
    assert correction.changed + correction.added + correction.deleted == 0


def test_a_deleted_region_becomes_background_and_nothing_else_moves() -> None:
    before = published(cells(1))
    _, *rest = through_the_server(before)
    correction = correct(before, rest)
    assert np.array_equal(correction.labels, np.where(before.labels == before.contours[0].object_id, 0, before.labels))
    assert correction.deleted == 1


def test_one_moved_vertex_changes_only_the_pixels_near_it() -> None:
    before = published(cells(2))
    regions = through_the_server(before)
    number = max(range(len(regions)), key=lambda n: len(regions[n].points))
    moved = regions[number].points.copy()
    moved[0] += 6
    regions[number] = Region(regions[number].region_id, moved)
    correction = correct(before, regions)
    touched = np.argwhere(correction.labels != before.labels) + 0.5
    around = np.concatenate([regions[number].points[[-1, 0, 1]], before.contours[number].points[[0]]])
    assert len(touched)
    assert (touched >= around.min(axis=0)[::-1] - 2).all()
    assert (touched <= around.max(axis=0)[::-1] + 2).all()
    assert correction.changed == 1


def test_an_added_region_is_a_new_object_over_what_was_there() -> None:
    labels = np.zeros((20, 20), np.uint32)
    labels[5:15, 5:15] = 8
    before = published(labels)
    correction = correct(before, [*through_the_server(before), box("k3Jx", 10, 10, 18, 18)])
    expected = labels.copy()
    expected[10:18, 10:18] = 9
    assert np.array_equal(correction.labels, expected)
    assert correction.added == 1


def test_a_region_shrunk_to_half_leaves_no_crumbs() -> None:
    labels = np.zeros((30, 30), np.uint32)
    labels[5:25, 5:25] = 3
    before = published(labels)
    correction = correct(before, [box("z4-o3-p0", 5, 5, 15, 25)])
    expected = np.zeros_like(labels)
    expected[5:25, 5:15] = 3
    assert np.array_equal(correction.labels, expected)


def test_a_region_dragged_away_leaves_nothing_behind() -> None:
    labels = np.zeros((40, 40), np.uint32)
    labels[2:12, 2:12] = 3
    before = published(labels)
    correction = correct(before, [Region("z4-o3-p0", before.contours[0].points + 20)])
    assert np.array_equal(correction.labels, np.roll(labels, (20, 20), axis=(0, 1)))


def test_the_second_piece_of_an_object_is_edited_by_itself() -> None:
    labels = np.zeros((20, 20), np.uint32)
    labels[2:8, 2:8] = labels[12:18, 12:18] = 7
    before = published(labels)
    first, _ = through_the_server(before)
    expected = labels.copy()
    expected[12:18, 12:18] = 0
    assert np.array_equal(correct(before, [first]).labels, expected)


def test_a_damaged_region_keeps_the_pixels_it_had() -> None:
    before = published(cells(3))
    damaged, *rest = through_the_server(before)
    correction = correct(before, rest, frozenset({damaged.region_id}))
    assert np.array_equal(correction.labels, before.labels)
    assert correction.deleted == 0


def test_the_pre_annotation_is_not_modified() -> None:
    labels = cells(5)
    labels.flags.writeable = False
    correct(published(labels), [box("new", 10, 10, 40, 40)])
