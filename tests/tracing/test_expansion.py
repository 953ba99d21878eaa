import numpy as np
import pytest

from loop.errors import InputError
from tracing.expansion import bridged, expand

WALL = np.zeros((5, 9), np.float32)
WALL[:, 4] = 1
BIG = 2**40


def test_seeds_meet_on_the_membrane_and_keep_ids_of_any_size() -> None:
    seeds = np.zeros((5, 9), np.uint64)
    seeds[2, 0], seeds[2, 8] = BIG, 7
    grown = expand(seeds, WALL)
    assert grown.dtype == np.uint64
    assert (grown[:, :4] == BIG).all()
    assert (grown[:, 5:] == 7).all()
    assert (grown > 0).all()


def test_the_membrane_and_what_is_outside_of_the_mask_can_stay_empty() -> None:
    seeds = np.zeros((5, 9), np.uint32)
    seeds[2, 0] = seeds[0, 8] = 3
    mask = np.ones((5, 9), np.bool_)
    mask[:2] = False
    grown = expand(seeds, WALL, mask, below=0.5)
    assert (grown[2:, :4] == 3).all()
    assert not grown[:2].any()
    assert not grown[:, 4:].any()  # its seed lay outside of the mask


def test_in_a_block_seeds_grow_into_a_section_without_any() -> None:
    block = np.stack([WALL] * 3)
    seeds = np.zeros(block.shape, np.uint16)
    seeds[::2, 2, 1], seeds[::2, 2, 7] = 1, 2
    grown = expand(seeds, block)
    assert (grown[1, :, :4] == 1).all()
    assert (grown[1, :, 5:] == 2).all()


def test_without_seeds_or_within_an_empty_mask_nothing_grows() -> None:
    seeds = np.zeros((5, 9), np.uint16)
    assert not expand(seeds, WALL).any()
    assert not expand(seeds + 1, WALL, np.zeros((5, 9), np.bool_)).any()


def test_one_seed_takes_a_section_of_membrane_alone() -> None:
    seeds = np.zeros((4, 4), np.uint8)
    seeds[1, 1] = 9
    assert (expand(seeds, np.ones((4, 4))) == 9).all()


def test_sections_of_different_size_are_refused() -> None:
    with pytest.raises(InputError, match="seeds and mask differ"):
        expand(np.ones((4, 4), np.uint8), np.ones((4, 4)), np.ones((4, 5), np.bool_))


def test_a_track_is_bridged_where_both_neighbours_have_it_but_never_over_a_long_track() -> None:
    before = np.array([[5, 5, 5, 6]], np.uint32)
    after = np.array([[5, 5, 5, 0]], np.uint32)
    here = np.array([[0, 8, 9, 0]], np.uint32)
    weak = np.zeros(10, np.bool_)
    weak[[0, 8]] = True
    assert bridged([before, here, after], 1, weak).tolist() == [[5, 5, 9, 0]]
    assert here.tolist() == [[0, 8, 9, 0]]


def test_a_gap_of_two_sections_is_bridged_in_both() -> None:
    full, empty = np.array([[4, 4]], np.uint16), np.array([[0, 0]], np.uint16)
    weak = np.array([True, False, False, False, False])
    window = [full, empty, empty, full]
    assert [bridged(window, at, weak).tolist() for at in (1, 2)] == [[[4, 4]]] * 2


def test_a_section_that_has_the_track_is_left_as_it_is() -> None:
    full, part = np.array([[4, 4]], np.uint16), np.array([[4, 0]], np.uint16)
    assert bridged([full, part, full], 1, np.array([True] + [False] * 4)).tolist() == [[4, 0]]
