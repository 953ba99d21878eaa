import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage.measure import grid_points_in_poly

from annotation.lines import Lines
from annotation.rasterising import paint, rasterise, swept


def polygon(*points: tuple[float, float]) -> NDArray[np.float64]:
    return np.array(points, np.float64)


def test_a_pixel_is_inside_when_its_centre_is() -> None:
    triangle = polygon((0, 0), (4, 0), (0, 4))
    # Row y has its centres at y + .5, and the long side runs through x = 4 - (y + .5): 3.5, 2.5, 1.5, .5.
    expected = [[1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    assert paint([triangle], np.array([1], np.uint32), (4, 4)).tolist() == expected


def test_two_polygons_with_a_common_edge_share_its_pixels_without_gap_or_overlap() -> None:
    upper = polygon((0, 0), (8, 0), (8, 8))
    lower = polygon((0, 0), (8, 8), (0, 8))
    index, owner = rasterise(Lines.of([upper, lower]), np.arange(2), (8, 8)).pixels()
    assert sorted(index.tolist()) == list(range(64))
    assert np.bincount(owner).sum() == 64


def test_what_lies_outside_of_the_image_is_cut_off() -> None:
    huge = polygon((-1e3, -1e3), (1e3, -1e3), (1e3, 1e3), (-1e3, 1e3))
    beside = polygon((10, 10), (20, 10), (20, 20))
    assert (paint([huge], np.array([7], np.uint32), (3, 5)) == 7).all()
    assert not paint([beside], np.array([7], np.uint32), (3, 5)).any()


def test_a_self_crossing_line_is_filled_as_the_browser_shows_it() -> None:
    twice_around = polygon((0, 0), (6, 0), (6, 6), (0, 6), (0, 0), (6, 0), (6, 6), (0, 6))
    bow_tie = polygon((0, 0), (6, 6), (6, 0), (0, 6))
    assert (paint([twice_around], np.array([1], np.uint32), (6, 6)) == 1).all()
    filled = paint([bow_tie], np.array([1], np.uint32), (6, 6))
    assert filled[2, 0] == filled[2, 5] == 1
    assert filled[0, 2] == filled[5, 2] == 0


def test_what_a_ring_winds_around_tells_on_which_side_it_has_it() -> None:
    clockwise_on_the_screen = polygon((0, 0), (2, 0), (2, 1), (0, 1))
    index, ring, winding = swept(Lines.of([clockwise_on_the_screen, clockwise_on_the_screen[::-1] + 1]), (3, 3))
    assert index.tolist() == [0, 1, 4, 5]
    assert ring.tolist() == [0, 0, 1, 1]
    assert winding.tolist() == [-1, -1, 1, 1]


def test_later_polygons_lie_over_earlier_ones() -> None:
    square = polygon((0, 0), (2, 0), (2, 2), (0, 2))
    assert (paint([square, square], np.array([1, 2], np.uint32), (2, 2)) == 2).all()


def test_no_polygon_gives_background() -> None:
    assert not paint([], np.array([], np.uint32), (3, 3)).any()


coordinate = st.floats(-3, 15, allow_nan=False).map(lambda value: round(value, 3))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(coordinate, coordinate), min_size=3, max_size=3))
def test_triangles_agree_with_an_independent_point_test(points: list[tuple[float, float]]) -> None:
    vertices = polygon(*points)
    ours = paint([vertices], np.array([1], np.uint32), (12, 12)) > 0
    theirs = grid_points_in_poly((12, 12), vertices[:, ::-1] - 0.5)
    # On the line itself the two may decide differently; 0.002 px cannot matter anywhere else.
    grown = sum(grid_points_in_poly((12, 12), vertices[:, ::-1] - 0.5 + d) != theirs for d in _nudges())
    assert not ((ours != theirs) & (grown == 0)).any()


def _nudges() -> list[NDArray[np.float64]]:
    return [0.002 * np.array([dy, dx]) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
