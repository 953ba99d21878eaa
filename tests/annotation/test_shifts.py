import numpy as np

from annotation.contours import contours_of
from annotation.correction import PreAnnotation
from annotation.regions import Region, region_id
from annotation.shifts import accidental_shifts
from tests.annotation.sections import cells

BEFORE = PreAnnotation(4, cells(4), contours_of(cells(4)))
NAMES = [region_id(4, contour) for contour in BEFORE.contours]


def moved(number: int, x: float, y: float) -> Region:
    return Region(NAMES[number], BEFORE.contours[number].points + np.array((x, y)))


def test_a_whole_outline_moved_by_more_than_a_pixel_is_an_accident() -> None:
    (found,) = accidental_shifts(BEFORE, [moved(0, 0, 0), moved(1, 3, -4), moved(2, 0.6, 0.6)])
    assert found[0] == NAMES[1]
    assert "(3.0, -4.0) px" in found[1]


def test_an_outline_of_which_only_a_part_moved_is_an_edit() -> None:
    points = BEFORE.contours[0].points.copy()
    points[1:] += 5
    assert accidental_shifts(BEFORE, [Region(NAMES[0], points)]) == []


def test_an_outline_with_another_number_of_vertices_is_an_edit() -> None:
    assert accidental_shifts(BEFORE, [Region(NAMES[0], BEFORE.contours[0].points[:-1] + 5)]) == []


def test_an_outline_drawn_anew_may_lie_anywhere() -> None:
    assert accidental_shifts(BEFORE, [Region("k3Jx", np.array([(5.0, 5.0), (9.0, 5.0), (9.0, 9.0)]))]) == []
