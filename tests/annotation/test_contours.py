import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion
from skimage.measure import label

from annotation.boundaries import pieces_of
from annotation.contours import EXACT, Contour, contours_of
from annotation.rasterising import paint

Labels = NDArray[np.uint32]


def painted(contours: list[Contour], shape: tuple[int, ...]) -> Labels:
    ids = np.array([contour.object_id for contour in contours], np.uint32)
    return paint([contour.points for contour in contours], ids, (shape[0], shape[1]))


def ious(labels: Labels, contours: list[Contour]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Give every contour's overlap with its piece, and the piece's size."""
    pieces = pieces_of(labels)
    found = []
    for number, contour in enumerate(contours, start=1):
        mask = painted([contour], labels.shape) > 0
        found.append((mask & (pieces == number)).sum() / (mask | (pieces == number)).sum())
    return np.array(found), np.bincount(pieces.ravel(), minlength=len(contours) + 1)[1:]


def worst_iou(labels: Labels, contours: list[Contour]) -> float:
    return float(ious(labels, contours)[0].min())


def disc(size: int, radius: float) -> Labels:
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    return np.asarray(np.hypot(y, x) < radius, np.uint32)


@settings(max_examples=300, deadline=None)
@given(arrays(np.uint32, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 3)))
def test_any_labels_survive_exact_contours(labels: Labels) -> None:
    contours = contours_of(labels, EXACT)
    assert len(contours) == pieces_of(labels).max(initial=0)
    assert np.array_equal(painted(contours, labels.shape), labels)


@given(arrays(np.uint32, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 3)))
def test_pieces_are_numbered_in_raster_order_of_their_first_pixels(labels: Labels) -> None:
    assert np.array_equal(pieces_of(labels), label(labels, connectivity=1, background=0))


@settings(max_examples=200, deadline=None)
@given(
    arrays(np.uint32, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 2)), st.integers(1, 5)
)
def test_simplified_contours_keep_every_piece_and_open_no_gap(coarse: Labels, scale: int) -> None:
    labels = np.kron(coarse, np.ones((scale, scale), np.uint32))
    contours = contours_of(labels)
    overlaps, sizes = ious(labels, contours)
    assert (overlaps >= np.where(sizes > 100, 0.98, 0.92)).all()
    inner = binary_erosion(labels > 0, np.ones((3, 3), bool))
    assert (painted(contours, labels.shape)[inner] > 0).all()


def test_a_straight_border_needs_only_its_corners() -> None:
    labels = np.zeros((20, 30), np.uint32)
    labels[:, :10], labels[:, 10:] = 4, 9
    left, right = contours_of(labels)
    assert sorted(map(tuple, left.points.tolist())) == [(0, 0), (0, 20), (10, 0), (10, 20)]
    assert sorted(map(tuple, right.points.tolist())) == [(10, 0), (10, 20), (30, 0), (30, 20)]


def test_neighbours_share_the_vertices_of_their_border() -> None:
    y, x = np.mgrid[:64, :64]
    labels = np.array([1, 2], np.uint32)[np.asarray(x > 32 + 6 * np.sin(y / 6), np.intp)]
    left, right = ({tuple(point) for point in contour.points.tolist()} for contour in contours_of(labels))
    border = {point for point in left if 0 < point[0] < 64 and 0 < point[1] < 64}
    assert len(border) > 3
    assert border == {point for point in right if 0 < point[0] < 64 and 0 < point[1] < 64}


def test_a_hole_stays_a_hole_and_what_is_in_it_stays() -> None:
    labels = disc(60, 28)
    labels[disc(60, 14) > 0] = 0
    labels[disc(60, 8) > 0] = 5
    contours = contours_of(labels)
    assert [contour.object_id for contour in contours] == [1, 5]
    again = painted(contours, labels.shape)
    assert again[30, 30] == 5
    assert again[30, 19] == 0
    assert worst_iou(labels, contours) >= 0.98


def test_an_object_in_two_pieces_gives_two_contours_with_its_id() -> None:
    labels = np.zeros((20, 20), np.uint32)
    labels[2:8, 2:8] = labels[12:18, 12:18] = 7
    assert [(contour.object_id, contour.piece) for contour in contours_of(labels)] == [(7, 0), (7, 1)]


def test_pieces_that_touch_at_a_corner_are_two_pieces() -> None:
    labels = np.zeros((10, 10), np.uint32)
    labels[:5, :5] = labels[5:, 5:] = 3
    contours = contours_of(labels)
    assert len(contours) == 2
    assert np.array_equal(painted(contours, labels.shape), labels)


def test_a_neck_of_one_pixel_does_not_break() -> None:
    labels = np.zeros((40, 90), np.uint32)
    labels[5:35, 5:35] = labels[5:35, 55:85] = labels[20, 35:55] = 1
    (contour,) = contours_of(labels)
    assert pieces_of(painted([contour], labels.shape)).max() == 1


def test_single_pixels_are_not_lost() -> None:
    labels = np.zeros((9, 9), np.uint32)
    labels[4, 4], labels[0, 0], labels[8, 3] = 1, 2, 3
    assert np.array_equal(painted(contours_of(labels), labels.shape), labels)


def test_large_objects_stay_within_the_vertex_budget() -> None:
    y, x = np.mgrid[:512, :512] - 255.5
    angle = np.arctan2(y, x)
    labels = np.asarray(np.hypot(y, x) < 200 + 12 * np.sin(17 * angle) + 2 * np.sin(60 * angle), np.uint32)
    (contour,) = contours_of(labels)
    assert len(contour.points) <= 120
    assert worst_iou(labels, [contour]) >= 0.98


def test_large_objects_that_are_apart_get_the_outlines_that_each_has_alone() -> None:
    y, x = np.mgrid[:300, :300] - 149.5
    angle = np.arctan2(y, x)
    stars = [np.hypot(y, x) < 120 + 8 * np.sin(k * angle) + 2 * np.sin(50 * angle) for k in (17, 23)]
    both = contours_of(np.concatenate([one * number for number, one in enumerate(stars, 1)], axis=1).astype(np.uint32))
    outlines = {contour.object_id - 1: contour.points for contour in both}
    for number, one in enumerate(stars):
        alone = np.pad(one.astype(np.uint32), ((0, 0), (300 * number, 300 * (1 - number))))
        (contour,) = contours_of(alone)
        assert len(contour.points) <= 120
        assert np.array_equal(contour.points, outlines[number])


def test_a_thin_sheet_between_many_neighbours_stays_within_the_vertex_budget() -> None:
    y, x = np.mgrid[:200, :500]
    middle = 100 + 50 * np.sin(x / 40) + 2 * np.sin(x / 5)
    above = np.asarray(y < middle, np.uint32)
    labels = np.where(np.abs(y - middle) < 4, 1, 2 + 2 * (x // 25) + above).astype(np.uint32)
    contours = contours_of(labels)
    (sheet,) = (contour for contour in contours if contour.object_id == 1)
    others = [contour for contour in contours if contour.object_id > 1]
    assert len(sheet.points) <= 120
    assert worst_iou(labels, contours) >= 0.98
    assert painted(contours, labels.shape)[1:-1, 1:-1].all()
    corners = {tuple(point) for point in np.concatenate([other.points for other in others]).tolist()}
    assert {point for point in map(tuple, sheet.points.tolist()) if 0 < point[0] < 500} <= corners


def test_where_few_vertices_cannot_do_the_overlap_is_kept() -> None:
    labels = np.ones((80, 240), np.uint32)
    labels[10:70, 10:230] = np.where(np.arange(220) // 3 % 2, 1, 2)
    labels[10:14, 10:230] = 2
    contours = contours_of(labels)
    assert [contour.object_id for contour in contours] == [1, 2]
    assert min(len(contour.points) for contour in contours) > 120
    assert worst_iou(labels, contours) >= 0.98


@pytest.mark.parametrize("labels", [np.zeros((5, 7), np.uint32), np.full((5, 7), 9, np.uint32)])
def test_empty_and_full_sections_are_fine(labels: Labels) -> None:
    assert np.array_equal(painted(contours_of(labels), labels.shape), labels)


def test_labels_are_not_modified() -> None:
    labels = disc(30, 12)
    labels.flags.writeable = False
    contours_of(labels)
