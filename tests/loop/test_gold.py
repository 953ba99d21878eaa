"""A grid of square cells with thin walls: every planted error can be named."""

import numpy as np
from numpy.typing import NDArray

from loop.gold import with_planted_errors


def grid() -> NDArray[np.uint32]:
    labels = np.kron(np.arange(1, 17, dtype=np.uint32).reshape(4, 4), np.ones((20, 20), np.uint32))
    labels[::20], labels[:, ::20] = 0, 0
    return labels


def test_each_error_is_there_once_and_all_other_objects_are_as_they_were() -> None:
    truth = grid()
    planted = with_planted_errors(truth, merges=3, missing=2, seed=1)
    same = [i for i in range(1, 17) if np.array_equal(planted == i, truth == i)]
    assert len(same) == 16 - 3 * 2 - 2
    gone = [i for i in range(1, 17) if not planted[truth == i].any()]
    assert len(gone) == 2


def test_a_planted_merge_has_no_wall_left_between_its_objects() -> None:
    truth = grid()
    planted = with_planted_errors(truth, merges=1, missing=0)
    (one,) = [i for i in range(1, 17) if (planted == i).sum() > (truth == i).sum()]
    merged = set(np.unique(truth[planted == one]).tolist())
    assert len(merged) == 3
    assert 0 in merged


def test_the_truth_is_left_as_it_was_and_the_same_seed_plants_the_same() -> None:
    truth = grid()
    first = with_planted_errors(truth, seed=5)
    assert np.array_equal(truth, grid())
    assert np.array_equal(first, with_planted_errors(truth, seed=5))
    assert not np.array_equal(first, with_planted_errors(truth, seed=6))


def test_a_section_without_enough_objects_gets_fewer_errors() -> None:
    alone = np.zeros((20, 20), np.uint32)
    alone[5:15, 5:15] = 7
    assert np.array_equal(with_planted_errors(alone, missing=0), alone)
    assert not with_planted_errors(np.zeros((4, 4), np.uint32)).any()
