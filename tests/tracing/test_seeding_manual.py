from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from loop.errors import InputError
from tracing.seeding_manual import parted_by_seeds

OBJECTS = np.array([[1] * 6 + [2] * 4] * 3, np.int32)
MEMBRANE = np.zeros(OBJECTS.shape)
MEMBRANE[:, 2] = 0.4
"""A wall too faint to be found."""


def parted(seeds: Sequence[tuple[int, int]], names: Sequence[int]) -> NDArray[np.int32]:
    return parted_by_seeds(OBJECTS, MEMBRANE, np.array(seeds, np.int64).reshape(-1, 2), np.array(names, np.int64))


def test_two_names_in_one_object_part_it_at_its_faint_wall() -> None:
    found = parted([(1, 0), (1, 4)], [70, 80])
    assert found[1, 0] == found[0, 1] == 1
    assert (found[:, 3:6] == 3).all()
    assert (found[:, 6:] == 2).all()


def test_seeds_of_one_name_or_none_part_nothing() -> None:
    assert (parted([(1, 0), (1, 4), (0, 8)], [7, 7, 9]) == OBJECTS).all()
    assert (parted([], []) == OBJECTS).all()


def test_a_seed_outside_of_the_section_is_named() -> None:
    with pytest.raises(InputError, match=r"outside[\s\S]*\(1, 10\)"):
        parted([(1, 10)], [1])


def test_two_names_on_one_pixel_contradict_each_other() -> None:
    with pytest.raises(InputError, match=r"one pixel[\s\S]*\(1, 4\)"):
        parted([(1, 4), (0, 0), (1, 4)], [1, 1, 2])
