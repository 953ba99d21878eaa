from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage.measure import approximate_polygon

from annotation.lines import Lines
from annotation.simplification import importance


def simplified(line: NDArray[np.float64], tolerance_px: float) -> list[int]:
    return [int(index) for index in np.flatnonzero(importance(Lines.of([line])) > tolerance_px)]


def test_collinear_points_go_and_corners_stay() -> None:
    line = np.array([(0, 0), (1, 0), (2, 0), (2, 1), (2, 2)], np.float64)
    assert simplified(line, 0) == [0, 2, 4]


def test_a_bump_counts_by_its_height() -> None:
    bump = np.array([(0, 0), (1, 0.4), (2, 0)], np.float64)
    flat, also = np.split(importance(Lines.of([bump, bump * 10])), 2)
    assert flat.tolist() == [np.inf, 0.4, np.inf]
    assert also.tolist() == [np.inf, 4, np.inf]


def test_a_closed_line_is_cut_at_its_farthest_point() -> None:
    diamond = np.array([(0, 0), (1, 1), (0, 2), (-1, 1), (0, 0)], np.float64)
    assert simplified(diamond, 0.1) == [0, 1, 2, 3, 4]


def test_no_lines_have_no_points() -> None:
    assert importance(Lines.of([])).tolist() == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=2, max_size=30), st.floats(0.1, 4))
def test_no_dropped_point_lies_farther_than_the_tolerance(points: list[tuple[int, int]], tolerance: float) -> None:
    line = np.array(points, np.float64)
    kept = simplified(line, tolerance)
    for low, high in pairwise(kept):
        chord = line[high] - line[low]
        for point in line[low:high]:
            along = np.clip((point - line[low]) @ chord / max(chord @ chord, 1e-30), 0, 1)
            assert np.hypot(*(point - line[low] - along * chord)) <= tolerance + 1e-9


def test_an_open_line_is_simplified_as_scikit_image_does() -> None:
    x = np.linspace(0, 20, 200)
    line = np.stack([x, np.sin(x)], axis=1)
    assert np.array_equal(line[simplified(line, 0.2)], approximate_polygon(line, 0.2))
