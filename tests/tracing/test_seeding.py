import numpy as np
import pytest
from numpy.typing import NDArray

from loop.errors import InputError
from loop.metrics import agreement
from tracing.seeding import SeedingConfig, objects_of_membrane


def wall(gap: slice | None = None) -> NDArray[np.float64]:
    membrane = np.full((40, 40), 0.05)
    membrane[:, 19:21] = 0.95
    if gap:
        membrane[gap, 19:21] = 0.05
    return membrane


TRUTH = np.repeat([[1] * 19 + [0, 0] + [2] * 19], 40, axis=0).astype(np.uint32)


def test_a_closed_wall_parts_two_objects() -> None:
    objects = objects_of_membrane(wall())
    assert set(np.unique(objects)) == {1, 2}
    assert agreement(objects, TRUTH, dice=1.0).voi == pytest.approx(0)


def test_a_small_hole_in_the_wall_does_not_merge_them() -> None:
    assert agreement(objects_of_membrane(wall(slice(19, 22))), TRUTH, dice=1.0).voi < 0.05


def test_a_section_without_membrane_is_one_object() -> None:
    assert np.unique(objects_of_membrane(np.zeros((20, 20)))).tolist() == [1]


def test_a_section_of_membrane_alone_is_one_object() -> None:
    assert np.unique(objects_of_membrane(np.ones((20, 20)))).tolist() == [1]


@pytest.mark.parametrize("wrong", [np.nan, -0.1, 255.0])
def test_values_that_are_no_probability_are_refused(wrong: float) -> None:
    membrane = wall()
    membrane[3, 3] = wrong
    with pytest.raises(InputError, match="no probability"):
        objects_of_membrane(membrane, SeedingConfig())


def test_of_seeds_nearer_than_the_least_distance_the_one_deeper_inside_stays() -> None:
    assert objects_of_membrane(wall(), SeedingConfig(min_distance_px=30)).max() == 2
    assert objects_of_membrane(wall(), SeedingConfig(min_distance_px=45)).max() == 1


def test_objects_below_the_least_area_go_to_their_neighbours() -> None:
    membrane = wall()
    membrane[:14, :14] = 0.95
    membrane[:12, :12] = 0.05
    assert len(np.unique(objects_of_membrane(membrane))) == 3
    found = objects_of_membrane(membrane, SeedingConfig(min_area_px=200))
    assert set(np.unique(found)) == {1, 2}
    assert objects_of_membrane(membrane, SeedingConfig(min_area_px=10**6)).max() == 1
