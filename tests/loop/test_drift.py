import numpy as np

from loop.drift import Drift, drift_of, histogram_distances

USUAL = {"grey": [100.0, 104.0, 96.0, 100.0], "membrane": [0.3, 0.3, 0.32, 0.28]}
"""Medians 100 and 0.3; the middle distances, 2 and .01, are less than the least spreads 4 and .01 / 1.4826."""


def pool(*grey: float) -> dict[int, dict[str, float]]:
    return {z: {"grey": value, "membrane": 0.3} for z, value in enumerate(grey, start=50)}


def test_a_pool_like_the_sections_learnt_from_has_not_drifted() -> None:
    drift = drift_of(pool(98, 101, 104, 96), USUAL)
    assert not drift.alarm
    assert drift.words == "no drift in 4 sections of the pool"


def test_one_odd_section_is_named_without_an_alarm() -> None:
    drift = drift_of(pool(100, 100, 140, 100), USUAL)
    assert [found.section for found in drift.sections] == [52]
    assert drift.sections[0].by == {"grey": 10.0}
    assert not drift.alarm


def test_several_odd_sections_are_an_alarm_that_names_them_and_why() -> None:
    drift = drift_of(pool(100, 60, 60, 100, 100), USUAL)
    assert drift.alarm
    assert drift.words == "2 of 5 pool sections stand out (51:53): grey -10 standard deviations"


def test_a_pool_that_is_off_as_a_whole_is_an_alarm_though_no_section_stands_out() -> None:
    drift = drift_of(pool(116, 116, 117, 115), USUAL)
    assert drift.sections == []
    assert drift.together == {"grey": 4.0}
    assert drift.alarm


def test_an_empty_pool_has_not_drifted() -> None:
    assert not drift_of({}, USUAL).alarm
    assert not Drift(looked_at=0, sections=[]).alarm


def test_histograms_lie_as_far_apart_as_their_greys_are_moved() -> None:
    one, other = np.zeros(256), np.zeros(256)
    one[100], other[107] = 1, 1
    assert histogram_distances([one, other], one).tolist() == [0, 7]
