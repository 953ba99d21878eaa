import numpy as np
import pytest

from loop.errors import InputError
from loop.metrics import agreement, dice, mean_agreement

TWO_HALVES = np.array([[1, 1, 2, 2]] * 4, dtype=np.uint32)
ONE = np.ones((4, 4), dtype=np.uint32)


def test_a_perfect_segmentation_scores_zero_whatever_its_ids() -> None:
    result = agreement(TWO_HALVES + 40, TWO_HALVES, dice=1.0)
    assert result.voi == pytest.approx(0)
    assert result.adapted_rand_error == pytest.approx(0)


def test_merging_two_equal_halves_costs_one_bit_of_merge_and_precision() -> None:
    result = agreement(ONE, TWO_HALVES, dice=1.0)
    assert result.voi_merge == pytest.approx(1)
    assert result.voi_split == pytest.approx(0)
    assert result.recall == pytest.approx(1)
    # 2 x (8 over 2) = 56 true pairs among (16 over 2) = 120 joined ones, up to skimage's pairs with themselves
    assert 0.45 < result.precision < 0.55


def test_splitting_an_object_in_equal_halves_costs_one_bit_of_split_and_recall() -> None:
    result = agreement(TWO_HALVES, ONE, dice=1.0)
    assert result.voi_split == pytest.approx(1)
    assert result.voi_merge == pytest.approx(0)
    assert result.precision == pytest.approx(1)
    assert 0.45 < result.recall < 0.55


def test_pixels_without_truth_do_not_count() -> None:
    truth = TWO_HALVES.copy()
    truth[:, 1:3] = 0
    guess = truth.copy()
    guess[:, 1:3] = 99
    assert agreement(guess, truth, dice=1.0).voi == pytest.approx(0)


def test_dice_of_half_overlapping_masks_is_one_half() -> None:
    a, b = np.array([True, True, False]), np.array([False, True, True])
    assert dice(a, b) == pytest.approx(0.5)


def test_two_empty_masks_agree() -> None:
    assert dice(np.zeros(3, dtype=bool), np.zeros(3, dtype=bool)) == 1.0


def test_the_mean_counts_every_section_once() -> None:
    both = [agreement(ONE, TWO_HALVES, dice=1.0), agreement(TWO_HALVES, TWO_HALVES, dice=0.0)]
    assert mean_agreement(both).voi_merge == pytest.approx(0.5)
    assert mean_agreement(both).dice == pytest.approx(0.5)


def test_truth_without_an_object_and_unequal_shapes_are_refused() -> None:
    with pytest.raises(InputError, match="no object"):
        agreement(ONE, np.zeros_like(ONE), dice=1.0)
    with pytest.raises(InputError, match="differ in shape"):
        agreement(ONE[:2], ONE, dice=1.0)
