import pytest

from loop.stopping import LEAST_GAIN, TurnTaken, advise


def turns(*voi: float, edits: tuple[int, ...] = (), minutes: float = 0.0) -> list[TurnTaken]:
    answers = edits or (80,) * len(voi)
    return [
        TurnTaken(labelled_sections=8 * (number + 1), voi=one, answered=8, edits=edits_made, minutes=minutes)
        for number, (one, edits_made) in enumerate(zip(voi, answers, strict=True))
    ]


def test_two_turns_are_too_few_to_say() -> None:
    advice = advise(turns(0.9, 0.7))
    assert advice.decision == "too few turns"
    assert "2 measured turns" in advice.reason
    assert advise([]).decision == "too few turns"


def test_while_the_error_falls_steeply_the_advice_is_to_go_on_and_says_what_comes() -> None:
    advice = advise(turns(1.2, 0.8, 0.62))
    assert advice.decision == "go on"
    assert advice.forecast is not None
    assert 0.4 < advice.forecast.value < 0.62
    assert advice.sections_more == 8
    assert "8 more sections should bring" in advice.reason
    assert f"{advice.forecast.value:.3f} ± {advice.forecast.plus_minus:.3f}" in advice.reason


def test_where_nothing_is_gained_any_more_the_advice_is_to_stop() -> None:
    advice = advise(turns(0.6, 0.42, 0.4, 0.4, 0.4, 0.4))
    assert advice.decision == "stop"
    assert f"less than {100 * LEAST_GAIN:.0f} %" in advice.reason


def test_edits_that_still_fall_are_a_reason_to_go_on() -> None:
    still = advise(turns(0.6, 0.42, 0.4, 0.4, 0.4, 0.4, edits=(160, 150, 140, 120, 100, 60)))
    assert still.decision == "go on"
    assert "edits still fall" in still.reason
    assert still.edits_per_section == (20, 18.75, 17.5, 15, 12.5, 7.5)


def test_the_gain_of_an_hour_is_the_gain_of_a_turn_by_what_its_sections_take() -> None:
    advice = advise(turns(1.2, 0.8, 0.62, minutes=40))
    assert advice.forecast is not None
    assert advice.gain_per_hour is not None
    assert advice.gain_per_hour == pytest.approx((0.62 - advice.forecast.value) * 60 / 40, rel=0.35)
    assert advise(turns(1.2, 0.8, 0.62)).gain_per_hour is None


def test_frozen_labels_leave_nothing_to_fit() -> None:
    frozen = [TurnTaken(labelled_sections=8, voi=voi) for voi in (0.6, 0.5, 0.4)]
    assert advise(frozen).decision == "too few turns"
