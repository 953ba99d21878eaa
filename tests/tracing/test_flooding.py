import numpy as np
import pytest
from skimage.segmentation import watershed

from tracing.flooding import flooded, spread

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(40, 50), (6, 20, 24)])
def test_it_is_the_watershed_of_all_however_much_is_decided_already(shape: tuple[int, ...]) -> None:
    barrier = RNG.random(shape)
    seeds = np.where(RNG.random(shape) < 0.02, RNG.integers(1, 9, shape), 0).astype(np.int32)
    mask = RNG.random(shape) < 0.9
    whole = watershed(barrier, seeds, mask=mask)
    np.testing.assert_array_equal(flooded(barrier, seeds, mask), whole)
    half = np.where(RNG.random(shape) < 0.5, watershed(barrier, seeds), 0).astype(np.int32)
    np.testing.assert_array_equal(flooded(barrier, half), watershed(barrier, half))
    full = np.asarray(watershed(barrier, seeds), np.int32)
    np.testing.assert_array_equal(flooded(barrier, full), full)


def test_a_piece_with_one_seed_is_its_own_before_anything_is_flooded() -> None:
    low = np.array([[1, 1, 0, 1, 1, 1, 0, 1]], np.bool_)
    seeds = np.array([[0, 4, 0, 2, 0, 3, 0, 0]], np.int32)
    assert spread(seeds, low).tolist() == [[4, 4, 0, 2, 0, 3, 0, 0]]


def test_spreading_first_changes_a_watershed_only_where_seeds_meet_above_the_level() -> None:
    barrier = RNG.random((60, 60))
    low = barrier < 0.6
    seeds = np.zeros(barrier.shape, np.int32)
    seeds[tuple(np.argwhere(low)[::150].T)] = np.arange(1, len(np.argwhere(low)[::150]) + 1)
    np.testing.assert_array_equal(flooded(barrier, spread(seeds, low))[low], watershed(barrier, seeds)[low])
