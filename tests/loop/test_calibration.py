import numpy as np
import pytest

from loop.calibration import Answer, Asked, calibrated, expected_minutes
from loop.minutes import Edits, EffortModel, minutes

MODEL = EffortModel()


def answers(count: int, *, rate: float, pace: float = 0.0, spread: float = 0.0) -> list[Answer]:
    """Tasks of some 100 objects and 25 doubts whose corrections are `rate` a doubt, and whose people have a pace."""
    rng = np.random.default_rng(0)
    made = []
    for _ in range(count):
        objects, doubts = int(rng.integers(60, 140)), int(rng.integers(10, 40))
        corrections = round(rate * doubts * np.exp(spread * rng.standard_normal()))
        took = pace * minutes(Edits(objects=objects, strokes=corrections), MODEL)
        made.append(Answer(Asked(objects, doubts, 512 * 512), corrections, took))
    return made


def test_what_is_expected_is_what_the_same_edits_would_take() -> None:
    asked = Asked(100, 20, 250_000)
    same = Edits(objects=100, strokes=20 * MODEL.corrections_per_doubt, area_px=250_000)
    assert expected_minutes(asked, MODEL) == pytest.approx(minutes(same, MODEL))
    many = Asked(np.array([100.0, 0.0]), np.array([20.0, 0.0]), np.array([250_000.0, 250_000.0]))
    assert np.asarray(expected_minutes(many, MODEL)) == pytest.approx([minutes(same, MODEL), minutes(Edits(), MODEL)])


@pytest.mark.parametrize(("rate", "pace"), [(0.4, 0.5), (4.0, 1.0), (8.0, 2.5)])
def test_what_the_next_tasks_take_is_expected_right_on_average(rate: float, pace: float) -> None:
    made = answers(100, rate=rate, pace=pace, spread=0.3)
    learnt, to_come = calibrated(MODEL, made[:40]), made[40:]
    expected = sum(float(expected_minutes(one.asked, learnt)) for one in to_come)
    took = sum(one.minutes for one in to_come)
    assert expected == pytest.approx(took, rel=0.12)
    before = sum(float(expected_minutes(one.asked, MODEL)) for one in to_come)
    assert abs(before - took) > 2 * abs(expected - took)


def test_the_oracle_teaches_how_much_is_corrected_but_not_how_long_people_take() -> None:
    learnt = calibrated(MODEL, answers(20, rate=5))
    assert learnt.corrections_per_doubt == pytest.approx(5, rel=0.15)
    assert learnt.pace == MODEL.pace


def test_one_answer_moves_little_and_none_nothing() -> None:
    one = calibrated(MODEL, [Answer(Asked(100, 10, 250_000), 100, 30)])
    assert MODEL.corrections_per_doubt < one.corrections_per_doubt < 5
    assert 1 < one.pace < 5
    assert calibrated(MODEL, []) == MODEL


def test_a_page_left_open_over_night_is_no_pace() -> None:
    usual = answers(20, rate=2.5, pace=1.0)
    asleep = Answer(usual[0].asked, usual[0].corrections, 600)
    assert calibrated(MODEL, [*usual, asleep]).pace == pytest.approx(1, rel=0.2)
    assert calibrated(MODEL, [*usual, Answer(Asked(0, 0, 0, tasks=0), 0, 0)]).pace == calibrated(MODEL, usual).pace


def test_a_pace_leaves_the_order_of_places_and_a_rate_makes_doubtful_ones_dearer() -> None:
    sparse, crowded = Asked(100, 2, 1), Asked(100, 60, 1)
    ratios = [
        float(expected_minutes(crowded, model)) / float(expected_minutes(sparse, model))
        for model in (
            MODEL,
            MODEL.model_copy(update={"pace": 3.0}),
            MODEL.model_copy(update={"corrections_per_doubt": 5.0}),
        )
    ]
    assert ratios[1] == pytest.approx(ratios[0])
    assert ratios[2] > ratios[0]
