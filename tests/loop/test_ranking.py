import numpy as np
import pytest

from loop.errors import InputError
from loop.gate import decide
from loop.metrics import Agreement
from loop.ranking import most_uncertain
from loop.uncertainty import section_uncertainty


def test_the_most_uncertain_sections_are_chosen_with_their_distance() -> None:
    scores = {10: 0.9, 11: 0.8, 12: 0.7, 20: 0.1}
    assert most_uncertain(scores, 2, min_distance_sections=2) == [10, 12]
    assert most_uncertain(scores, 9, min_distance_sections=3) == [10, 20]


def test_ties_go_to_the_lower_section() -> None:
    assert most_uncertain({5: 0.5, 2: 0.5}, 1, min_distance_sections=1) == [2]


def test_a_distance_below_one_is_refused() -> None:
    with pytest.raises(InputError, match="1 or more"):
        most_uncertain({}, 1, min_distance_sections=0)


def test_a_coin_flip_is_one_bit_and_certainty_none() -> None:
    certain, torn = np.zeros((4, 4)), np.full((4, 4), 0.5)
    assert section_uncertainty(torn, np.zeros((4, 4))).entropy_bits == pytest.approx(1)
    assert section_uncertainty(certain, np.zeros((4, 4))).score == pytest.approx(0, abs=1e-5)


def test_views_that_contradict_each_other_fully_score_one() -> None:
    assert section_uncertainty(np.zeros((2, 2)), np.full((2, 2), 0.25)).disagreement == pytest.approx(1)


def measured(voi: float) -> Agreement:
    return Agreement(voi_split=voi, voi_merge=0, adapted_rand_error=0, precision=1, recall=1, dice=1)


def test_the_gate_promotes_the_first_model_and_then_only_better_ones() -> None:
    assert decide(measured(2), None).promoted
    assert decide(measured(1), measured(2)).promoted
    assert not decide(measured(2), measured(2)).promoted
