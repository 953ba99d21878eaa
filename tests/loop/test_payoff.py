"""Straight lines, whose crossings and areas are known."""

import numpy as np
import pytest

from loop.payoff import Curve, area_difference, area_under, mean_curve, minutes_estimate, minutes_ratio, minutes_to


def line(start: float, end: float, *, minutes: float = 10.0) -> Curve:
    return Curve(np.array([0.0, minutes]), np.array([start, end]))


def test_minutes_to_a_level_lie_on_the_straight_line_between_two_turns() -> None:
    curve = Curve(np.array([0.0, 10.0, 20.0]), np.array([1.0, 0.8, 0.4]))
    assert minutes_to(curve, 0.6) == pytest.approx(15)
    assert minutes_to(curve, 0.9) == pytest.approx(5)
    assert minutes_to(curve, 1.0) == 0
    assert minutes_to(curve, 0.3) is None


def test_a_curve_that_rises_again_has_reached_the_level_all_the_same() -> None:
    assert minutes_to(Curve(np.array([0.0, 1.0, 2.0]), np.array([1.0, 0.5, 0.9])), 0.5) == pytest.approx(1)


def test_the_mean_of_curves_ends_where_the_shortest_does() -> None:
    mean = mean_curve([line(1, 0), line(2, 0, minutes=20)])
    assert mean.minutes[-1] == 10
    assert mean.error[[0, -1]] == pytest.approx([1.5, 0.5])


def test_the_area_is_the_mean_error_over_the_minutes() -> None:
    assert area_under([line(1, 0), line(2, 1)], 10) == pytest.approx(1.0)


def test_twice_as_fast_is_a_ratio_of_a_half_on_every_seed() -> None:
    slow = [line(1.0, 0.0), line(1.1, 0.1), line(0.9, -0.1)]
    fast = [Curve(curve.minutes / 2, curve.error) for curve in slow]
    ratio = minutes_ratio(fast, slow, 0.5)
    for figure in (ratio.value, ratio.low, ratio.high):
        assert figure == pytest.approx(0.5, rel=1e-3)
    assert ratio.shows_other_than(1.0)


def test_equal_strategies_show_no_difference() -> None:
    curves = [line(1.0, 0.1 * seed) for seed in range(5)]
    shuffled = [*curves[2:], *curves[:2]]
    assert not minutes_ratio(curves, shuffled, 0.6).shows_other_than(1.0)
    difference = area_difference(curves, shuffled)
    assert difference.value == pytest.approx(0)
    assert not difference.shows_other_than(0.0)


def test_a_strategy_that_never_arrives_has_no_ratio_and_shows_nothing_better() -> None:
    never, arrives = [line(1.0, 0.8)] * 3, [line(1.0, 0.0)] * 3
    ratio = minutes_ratio(never, arrives, 0.5)
    assert (ratio.value, ratio.low, ratio.high) == (None, None, None)
    assert minutes_estimate(never, 0.5).value is None


def test_a_rival_that_never_arrives_counts_with_all_it_spent() -> None:
    assert minutes_ratio([line(1.0, 0.0)] * 2, [line(1.0, 0.8)] * 2, 0.5).value == pytest.approx(5 / 10, rel=1e-3)


def test_two_that_need_no_minutes_at_all_are_equal() -> None:
    there = [line(0.4, 0.3)] * 3
    assert minutes_ratio(there, there, 0.5).value == pytest.approx(1)
