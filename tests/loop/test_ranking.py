import numpy as np
import pytest

from loop.errors import InputError
from loop.gate import decide
from loop.metrics import Agreement
from loop.places import Place, Tile
from loop.ranking import most_uncertain, tile_scores
from loop.uncertainty import section_uncertainty, uncertainty_map


def test_the_most_uncertain_sections_are_chosen_with_their_distance() -> None:
    scores = {Place(10): 0.9, Place(11): 0.8, Place(12): 0.7, Place(20): 0.1}
    assert most_uncertain(scores, 2, min_distance_sections=2) == [Place(10), Place(12)]
    assert most_uncertain(scores, 9, min_distance_sections=3) == [Place(10), Place(20)]


def test_ties_go_to_the_lower_section() -> None:
    assert most_uncertain({Place(5): 0.5, Place(2): 0.5}, 1, min_distance_sections=1) == [Place(2)]


def test_tiles_that_show_the_same_are_not_both_chosen() -> None:
    best, over, beside = Tile(0, 0, 4, 4), Tile(2, 2, 4, 4), Tile(0, 4, 4, 4)
    scores = {Place(5, best): 0.9, Place(5, over): 0.8, Place(6, over): 0.7, Place(5, beside): 0.6, Place(7, over): 0.5}
    chosen = most_uncertain(scores, 9, min_distance_sections=2)
    assert chosen == [Place(5, best), Place(5, beside), Place(7, over)]


def test_tiles_are_scored_by_the_mean_of_their_pixels_and_lie_all_over_the_section() -> None:
    uncertainty = np.zeros((6, 7))
    uncertainty[4:, 5:] = 1
    scores = tile_scores(uncertainty, 3, tile_px=4)
    assert len(scores) == 3 * 4
    assert max(scores, key=lambda place: scores[place]) == Place(3, Tile(2, 3, 4, 4))
    assert scores[Place(3, Tile(2, 3, 4, 4))] == 4 / 16
    assert scores[Place(3, Tile(2, 2, 4, 4))] == 2 / 16
    assert scores[Place(3, Tile(0, 0, 4, 4))] == 0


def test_a_tile_as_large_as_the_section_is_the_section_and_scores_like_it() -> None:
    membrane, variance = np.full((5, 6), 0.5), np.full((5, 6), 0.1)
    scores = tile_scores(uncertainty_map(membrane, variance), 3, tile_px=6)
    assert scores == {Place(3): pytest.approx(section_uncertainty(membrane, variance).score)}


def test_what_is_labelled_already_is_worth_nothing() -> None:
    scores = tile_scores(np.ones((4, 8)), 0, tile_px=4, labelled=[Tile(0, 0, 4, 4)])
    assert Place(0, Tile(0, 0, 4, 4)) not in scores
    assert scores[Place(0, Tile(0, 1, 4, 4))] == 1 / 4
    assert scores[Place(0, Tile(0, 4, 4, 4))] == 1


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
