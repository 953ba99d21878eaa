import numpy as np
import pytest

from tracing.loops import Loop, loops_of, shapes_between
from tracing.masks import Mask
from tracing.tracking_anchors import Anchor


def square(top: int, left: int, size: int = 10) -> Mask:
    mask = np.zeros((60, 80), np.bool_)
    mask[top : top + size, left : left + size] = True
    return mask


def disk(radius: float) -> Mask:
    rows, columns = np.indices((60, 80))
    return np.asarray(np.hypot(rows - 30, columns - 40) <= radius)


def test_a_shape_that_moves_keeps_its_area_and_goes_straight() -> None:
    shapes = dict(shapes_between(square(4, 6), square(24, 46), (10, 14)))
    assert list(shapes) == [11, 12, 13]
    for z, shape in shapes.items():
        share = (z - 10) / 4
        assert (shape == square(round(4 + 20 * share), round(6 + 40 * share))).all()
        assert shape.sum() == 100


def test_the_radius_of_a_disk_grows_in_proportion() -> None:
    shapes = dict(shapes_between(disk(5), disk(17), (0, 4)))
    for z, radius in ((1, 8), (2, 11), (3, 14)):
        assert shapes[z].sum() == pytest.approx(np.pi * radius**2, rel=0.04)


def test_loops_go_from_the_anchor_before_of_the_same_track_to_one_that_asks_for_it() -> None:
    rows = [(0, "a", True), (5, "a", True), (6, "b", False), (9, "b", False), (9, "a", False), (10, "a", True)]
    anchors = [Anchor(z=z, y=1, x=1, track=track, fill=fill) for z, track, fill in rows]
    assert loops_of(anchors) == [Loop(anchors[0], anchors[1])]
