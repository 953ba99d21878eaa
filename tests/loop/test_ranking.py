from collections.abc import Mapping
from typing import get_args

import numpy as np
import pytest

from loop.errors import InputError
from loop.places import Place, Tile
from loop.ranking import NEEDS, STRATEGIES, Candidates, choose
from loop.ranking_candidates import Numbers
from loop.ranking_words import WHY, StrategyName


def pool(values: Mapping[Place, float], score: str = "entropy", minutes: Numbers | None = None) -> Candidates:
    cost = np.ones(len(values)) if minutes is None else minutes
    return Candidates(tuple(values), {score: np.array(list(values.values()))}, cost)


def chosen(strategy: str, candidates: Candidates, n_places: int, *, apart: int = 1, seed: int = 0) -> list[Place]:
    return choose(strategy, candidates, n_places, rng=np.random.default_rng(seed), min_distance_sections=apart)


def full_pool(n_places: int) -> Candidates:
    rng = np.random.default_rng(7)
    scores = {name: rng.uniform(0.1, 1, n_places) for needs in NEEDS.values() for name in needs if name != "embeddings"}
    places = tuple(Place(z) for z in range(20, 20 + n_places))
    looks = rng.normal(size=(n_places, 3))
    return Candidates(places, scores, rng.uniform(1, 3, n_places), looks, (1,), rng.normal(size=(1, 3)))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_keeps_its_distance_and_does_not_repeat_itself(strategy: str) -> None:
    candidates = full_pool(30)
    found = chosen(strategy, candidates, 7, apart=3)
    sections = sorted(place.z for place in found)
    assert len(found) == 7
    assert np.diff(sections).min() >= 3
    assert found == chosen(strategy, candidates, 7, apart=3)
    assert chosen(strategy, candidates, 0) == []
    assert len(chosen(strategy, candidates, 99, apart=10)) in {2, 3}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_an_empty_pool_gives_nothing(strategy: str) -> None:
    assert chosen(strategy, Candidates((), {}, np.empty(0), None), 3) == []  # nothing could be measured


def test_every_strategy_has_a_name_that_the_configuration_knows_and_says_where_it_comes_from() -> None:
    assert set(STRATEGIES) == set(NEEDS) == set(get_args(StrategyName))
    assert set(WHY) <= set(STRATEGIES)
    assert all(strategy.__doc__ for strategy in STRATEGIES.values())


def test_the_highest_scores_are_chosen_with_their_distance() -> None:
    scores = pool({Place(10): 0.9, Place(11): 0.8, Place(12): 0.7, Place(20): 0.1})
    assert chosen("entropy", scores, 2, apart=2) == [Place(10), Place(12)]
    assert chosen("entropy", scores, 9, apart=3) == [Place(10), Place(20)]


def test_ties_go_to_the_lower_section() -> None:
    assert chosen("entropy", pool({Place(5): 0.5, Place(2): 0.5}), 1) == [Place(2)]


def test_tiles_that_show_the_same_are_not_both_chosen() -> None:
    best, over, beside = Tile(0, 0, 4, 4), Tile(2, 2, 4, 4), Tile(0, 4, 4, 4)
    scores = {Place(5, best): 0.9, Place(5, over): 0.8, Place(6, over): 0.7, Place(5, beside): 0.6, Place(7, over): 0.5}
    assert chosen("entropy", pool(scores), 9, apart=2) == [Place(5, best), Place(5, beside), Place(7, over)]


def test_what_costs_twice_the_minutes_has_to_be_worth_twice_as_much() -> None:
    scores = pool({Place(1): 0.5, Place(5): 0.9}, minutes=np.array([1.0, 2.0]))
    assert chosen("entropy", scores, 1) == [Place(1)]
    assert chosen("entropy", scores.at_equal_cost(), 1) == [Place(5)]


def test_chance_draws_in_proportion_to_the_foreground_and_never_what_has_none() -> None:
    scores = pool({Place(0): 0.0, Place(1): 0.1, Place(2): 0.3}, "foreground")
    first = [chosen("random", scores, 1, seed=seed)[0].z for seed in range(2000)]
    assert first.count(0) == 0
    assert first.count(2) / 2000 == pytest.approx(0.75, abs=0.03)
    assert len(chosen("random", scores, 3)) == 2


def test_a_fixed_interval_takes_the_middle_of_each_stretch() -> None:
    scores = Candidates(tuple(Place(z) for z in range(50, 90)), {}, np.ones(40))
    assert [place.z for place in chosen("interval", scores, 4)] == [55, 65, 75, 85]


def test_noise_of_the_power_strategy_draws_in_proportion_to_the_value() -> None:
    scores = pool({Place(0): 0.0, Place(1): 0.1, Place(2): 0.3}, "bald")
    first = [chosen("power", scores, 1, seed=seed)[0].z for seed in range(2000)]
    assert first.count(0) == 0
    assert first.count(2) / 2000 == pytest.approx(0.75, abs=0.03)


def test_diversity_takes_what_is_farthest_from_everything_labelled_and_chosen() -> None:
    places = tuple(Place(10 * z) for z in range(4))
    looks = np.array([[0.0], [1.0], [9.5], [10.0]])
    assert chosen("diversity", Candidates(places, {}, np.ones(4), looks, (1,), np.array([[0.1]])), 2) == [
        Place(30),
        Place(10),
    ]
    assert chosen("diversity", Candidates(places, {}, np.ones(4), looks), 2) == [Place(10), Place(30)]


def test_the_combination_takes_what_is_likeliest_changed_per_minute() -> None:
    scores = {"change": np.array([0.2, 0.9, 0.6])}
    places = (Place(1), Place(3), Place(5))
    assert chosen("combined", Candidates(places, scores, np.array([1.0, 2.0, 1.0])), 3) == [
        Place(5),
        Place(3),
        Place(1),
    ]


@pytest.mark.parametrize(
    ("strategy", "apart", "said"),
    [("entropy", 0, "1 or more"), ("newest", 1, "not known"), ("bald", 1, "no bald"), ("diversity", 1, "embeddings")],
)
def test_what_cannot_be_chosen_by_is_refused(strategy: str, apart: int, said: str) -> None:
    with pytest.raises(InputError, match=said):
        chosen(strategy, pool({Place(1): 1.0}), 1, apart=apart)
