"""What minutes bought: learning curves of query strategies compared over seeds, paired, with bootstrap intervals."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, isfinite

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy.integrate import trapezoid

_DRAWS = 2000
_GRID = 121  # places along the minutes at which curves of several seeds are averaged
_INSTANT = 1e-3  # minutes, so that two that need none are equal


@dataclass(frozen=True)
class Curve:
    """An error against the minutes spent for it, both (n,), ascending in minutes, n of 1 or more."""

    minutes: NDArray[np.float64]
    error: NDArray[np.float64]

    def at(self, minutes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the error after some minutes, straight between the points and level beyond them."""
        return np.asarray(np.interp(minutes, self.minutes, self.error), np.float64)


class Estimate(BaseModel):
    """A figure with its 95 % bootstrap interval over seeds; None stands for "more than was tried"."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    value: float | None
    """Over all seeds."""
    low: float | None
    """Lower end of the interval."""
    high: float | None
    """Upper end of the interval."""

    def shows_other_than(self, null: float) -> bool:
        """Tell whether the interval excludes `null`."""
        low, high = (inf if end is None else end for end in (self.low, self.high))
        return not low <= null <= high


def minutes_to(curve: Curve, level: float) -> float | None:
    """Give the minutes after which the error first is at most `level`, None where it never is."""
    below = np.flatnonzero(curve.error <= level)
    if not len(below):
        return None
    first = int(below[0])
    if first == 0:
        return float(curve.minutes[0])
    (before, after), (high, low) = curve.minutes[first - 1 : first + 1], curve.error[first - 1 : first + 1]
    return float(before + (after - before) * (high - level) / (high - low))


def mean_curve(curves: Sequence[Curve]) -> Curve:
    """Average the curves of several seeds, up to the minutes that all of them have."""
    minutes, errors = _on_one_grid(curves)
    return Curve(minutes, errors.mean(axis=0))


def area_under(curves: Sequence[Curve], until_minutes: float) -> float:
    """Give the mean error between 0 and some minutes, over all seeds: the area under the curve, per minute."""
    return float(_areas(curves, until_minutes).mean())


def _areas(curves: Sequence[Curve], until_minutes: float) -> NDArray[np.float64]:
    minutes, errors = _on_one_grid(curves, until_minutes)
    return np.asarray(trapezoid(errors, minutes, axis=1) / until_minutes, np.float64)


def _on_one_grid(
    curves: Sequence[Curve], until_minutes: float | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the errors of all curves (n, places) at the same minutes (places,)."""
    until = min(float(curve.minutes[-1]) for curve in curves) if until_minutes is None else until_minutes
    minutes = np.asarray(np.linspace(0.0, until, _GRID), np.float64)
    return minutes, np.array([curve.at(minutes) for curve in curves], np.float64)


def estimate(measure: Callable[[NDArray[np.intp]], float], n_seeds: int) -> Estimate:
    """Measure something over all seeds, and over seeds drawn with replacement for its interval.

    Parameters
    ----------
    measure : callable
        Gets the numbers of the seeds to measure over, some perhaps several times; infinite for "more than was tried".
    n_seeds : int
        How many there are.

    Notes
    -----
    Percentile bootstrap (Efron and Tibshirani, An introduction to the bootstrap, 1993, chapter 13). What is compared
    is measured over the same drawn seeds, so it is paired. The draws are always the same.
    """
    rng = np.random.default_rng(0)
    drawn = [measure(rng.integers(n_seeds, size=n_seeds)) for _ in range(_DRAWS if n_seeds > 1 else 1)]
    low, high = np.quantile(drawn, [0.025, 0.975], method="inverted_cdf")
    ends = (measure(np.arange(n_seeds)), float(low), float(high))
    value, low, high = (end if isfinite(end) else None for end in ends)
    return Estimate(value=value, low=low, high=high)


def minutes_estimate(curves: Sequence[Curve], level: float) -> Estimate:
    """Estimate the minutes after which the mean of the curves is at most `level`."""
    minutes, errors = _on_one_grid(curves)

    def measure(seeds: NDArray[np.intp]) -> float:
        found = minutes_to(Curve(minutes, errors[seeds].mean(axis=0)), level)
        return inf if found is None else found

    return estimate(measure, len(curves))


def minutes_ratio(ours: Sequence[Curve], theirs: Sequence[Curve], level: float) -> Estimate:
    """Estimate our minutes to `level` over theirs; where they never come to it, they count with all they spent.

    That makes the ratio too large rather than too small.
    """
    (our_minutes, our_errors), (their_minutes, their_errors) = _on_one_grid(ours), _on_one_grid(theirs)

    def measure(seeds: NDArray[np.intp]) -> float:
        spent = minutes_to(Curve(our_minutes, our_errors[seeds].mean(axis=0)), level)
        most = minutes_to(Curve(their_minutes, their_errors[seeds].mean(axis=0)), level)
        if spent is None:
            return inf
        return (spent + _INSTANT) / ((float(their_minutes[-1]) if most is None else most) + _INSTANT)

    return estimate(measure, len(ours))


def area_difference(ours: Sequence[Curve], theirs: Sequence[Curve]) -> Estimate:
    """Estimate our area under the curve less theirs, over the minutes that all have."""
    until = min(float(curve.minutes[-1]) for curve in (*ours, *theirs))
    less = _areas(ours, until) - _areas(theirs, until)
    return estimate(lambda seeds: float(less[seeds].mean()), len(ours))
