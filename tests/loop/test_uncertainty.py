import numpy as np
import pytest

from loop.uncertainty import divergence_map, entropy_map, information_map, margin_map, section_uncertainty


def test_a_coin_flip_is_one_bit_and_certainty_none() -> None:
    certain, torn = np.zeros((4, 4)), np.full((4, 4), 0.5)
    assert section_uncertainty(torn, np.zeros((4, 4))).entropy_bits == pytest.approx(1)
    assert section_uncertainty(certain, np.zeros((4, 4))).score == pytest.approx(0, abs=1e-5)


def test_views_that_contradict_each_other_fully_score_one() -> None:
    assert section_uncertainty(np.zeros((2, 2)), np.full((2, 2), 0.25)).disagreement == pytest.approx(1)


def test_a_tie_has_the_highest_margin_score_and_certainty_none() -> None:
    assert margin_map(np.array([[0.0, 0.25, 0.5, 1.0]])).tolist() == [[0, 0.5, 1, 0]]


@pytest.mark.parametrize("p", [0.1, 0.3, 0.5, 0.8])
def test_information_from_mean_and_variance_is_that_of_the_views(p: float) -> None:
    views = np.clip(p + np.array([-0.08, -0.02, 0.03, 0.07]), 0, 1)[:, None, None]
    exact = entropy_map(views.mean(axis=0)) - entropy_map(views).mean(axis=0)
    assert information_map(views.mean(axis=0), views.var(axis=0)) == pytest.approx(exact, rel=0.15)


def test_information_is_at_most_the_entropy_and_nothing_where_views_agree() -> None:
    torn = information_map(np.full((1, 1), 0.5), np.full((1, 1), 0.25))
    assert torn == pytest.approx(0.72, abs=0.01)  # second order; two views of 0 and 1 carry 1 bit
    assert information_map(np.full((1, 1), 0.001), np.full((1, 1), 0.2)) == entropy_map(np.full((1, 1), 0.001))
    assert information_map(np.full((1, 1), 0.3), np.zeros((1, 1))) == 0


def test_two_sure_models_that_contradict_each_other_diverge_by_one_bit() -> None:
    assert divergence_map([np.zeros((1, 1)), np.ones((1, 1))]) == pytest.approx(1, abs=1e-5)
    assert divergence_map([np.full((1, 1), 0.3)] * 3) == pytest.approx(0)
