import numpy as np
import pytest

from loop.learning_curve import fit_learning_curve, forecast_error


def law(x: list[float], *, scale: float, exponent: float, asymptote: float) -> list[float]:
    return [asymptote + scale * value**-exponent for value in x]


def test_a_power_law_is_found_again_and_continued() -> None:
    sections = [5.0, 10.0, 15.0, 20.0, 25.0]
    curve = fit_learning_curve(sections, law(sections, scale=2.0, exponent=0.7, asymptote=0.3))
    assert curve is not None
    for ahead in (30.0, 40.0):
        truth = law([ahead], scale=2.0, exponent=0.7, asymptote=0.3)[0]
        assert curve.at(ahead).value == pytest.approx(truth, rel=0.03)
        assert abs(curve.at(ahead).value - truth) < curve.at(ahead).plus_minus


def test_less_is_known_of_what_lies_farther_ahead() -> None:
    curve = fit_learning_curve([5, 10, 15], [1.0, 0.8, 0.72])
    assert curve is not None
    assert curve.at(20).plus_minus < curve.at(80).plus_minus
    assert curve.at(80).value < curve.at(20).value < 0.74


def test_noise_is_covered_by_the_interval_in_most_cases() -> None:
    rng = np.random.default_rng(1)
    sections = [5.0, 8.0, 11.0, 14.0, 17.0]
    inside = 0
    for _ in range(40):
        noise = 1 + 0.05 * rng.standard_normal(6)
        errors = np.array(law([*sections, 23.0], scale=2.0, exponent=0.6, asymptote=0.2)) * noise
        curve = fit_learning_curve(sections, errors[:-1].tolist())
        assert curve is not None
        found = curve.at(23)
        inside += abs(found.value - errors[-1]) < found.plus_minus
    assert inside >= 34


def test_a_curve_that_does_not_fall_is_continued_level() -> None:
    curve = fit_learning_curve([5, 10, 15, 20], [0.5, 0.52, 0.5, 0.51])
    assert curve is not None
    assert curve.at(30).value == pytest.approx(0.5, rel=0.04)


@pytest.mark.parametrize("sections", [[], [5.0], [5.0, 10.0], [5.0, 5.0, 5.0]])
def test_too_few_points_are_not_fitted(sections: list[float]) -> None:
    assert fit_learning_curve(sections, [0.5] * len(sections)) is None


def test_points_held_back_measure_the_forecast() -> None:
    sections = [5.0, 10.0, 15.0, 20.0, 25.0, 30.0]
    errors = law(sections, scale=2.0, exponent=0.7, asymptote=0.3)
    missed = forecast_error(sections, errors, held_back=2)
    assert missed is not None
    assert missed < 0.05
    doubled = forecast_error(sections, [*errors[:-1], 2 * errors[-1]], held_back=2)
    assert doubled == pytest.approx(0.5, abs=0.05)
    assert forecast_error(sections[:4], errors[:4], held_back=2) is None


def test_three_points_are_believed_as_far_as_trainings_repeat_themselves_and_more_points_tell_by_themselves() -> None:
    sections = [5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 35.0, 40.0]
    errors = law(sections, scale=2.0, exponent=0.7, asymptote=0.3)
    few, many = fit_learning_curve(sections[:3], errors[:3]), fit_learning_curve(sections, errors)
    assert few is not None
    assert many is not None
    assert few.noise == pytest.approx(0.07 * np.mean(errors[:3]), rel=0.01)
    assert many.noise < 0.5 * few.noise
    outlier = fit_learning_curve(sections, [*errors[:-1], 2 * errors[-1]])
    assert outlier is not None
    assert outlier.noise > 2 * many.noise
