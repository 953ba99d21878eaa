"""What a bake-off found: who met the level of all labels in how many minutes, and whether that is more than chance."""

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict

from flows.bakeoff.plan import ALL, NONE, Plan
from flows.bakeoff.seed import turns_of
from flows.bakeoff.turn import Turn
from loop.errors import InputError
from loop.learning_curve import forecast_error
from loop.payoff import Curve, Estimate, area_difference, minutes_estimate, minutes_ratio, minutes_to

WITHIN = 1.05
"""The target: a hold-out VOI at most so many times that of the model that learnt from the whole pool."""
_HELD_BACK = 2
"""Turns that a forecast does not see."""
_BASELINES = ("random", "random@tile")


class Standing(BaseModel):
    """How a contender did."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    contender: str
    """Its name."""
    minutes_to_target: Estimate
    """Minutes until the mean over seeds of VOI over the full pool's VOI is at most 1.05."""
    reached_on: int
    """On how many seeds by themselves the target was met."""
    ratio: Estimate | None
    """Minutes to the target over the baseline's; None for the baseline."""
    area: Estimate | None
    """Mean VOI over the minutes less the baseline's, in shares of the full pool's VOI; None for the baseline."""
    voi: float
    """Hold-out VOI after the last turn, bits, mean over seeds."""
    adapted_rand_error: float
    """Likewise."""
    minutes: float
    """Minutes spent in all, mean over seeds."""
    tasks: float
    """Tasks answered, mean over seeds."""
    corrections_first: float
    """Strokes and points for each 100 objects shown in the first turn."""
    corrections_last: float
    """And in the last."""
    forecast_missed: float | None
    """By what share a learning curve fitted to all but the last two turns misses the last VOI, mean over seeds."""
    forecast_missed_of_mean: float | None
    """Likewise on the mean of the seeds' curves, turn by turn."""
    verdict: str
    """What may be concluded, in words."""


class Point(BaseModel):
    """A place on a learning curve."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    minutes: float
    """Spent so far."""
    voi: float
    """Hold-out VOI, bits."""
    adapted_rand_error: float
    """On the hold-out."""


class Outcome(BaseModel):
    """A whole bake-off."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    baseline: str
    """The contender that ratios are taken to."""
    seeds: int
    """How many."""
    voi_first: float
    """VOI of the model that all begin with, bits, mean over seeds."""
    voi_no_labels: float
    """After as many trainings without any new label."""
    voi_all_labels: float
    """After as many trainings with the whole pool labelled."""
    standings: tuple[Standing, ...]
    """Of every contender, in the order asked for."""
    curves: dict[str, tuple[tuple[Point, ...], ...]]
    """Of every contender, one curve a seed; also of the two that show what labels are worth."""


def outcome(plan: Plan, out: Path) -> Outcome:
    """Gather what lies in `out`.

    Raises
    ------
    InputError
        Not all turns are done.
    """
    names = (ALL, NONE, *plan.contenders)
    turns = {name: [turns_of(plan, out, seed, name) for seed in range(plan.seeds)] for name in names}
    if any(len(one) <= plan.turns for of_name in turns.values() for one in of_name):
        raise InputError("the bake-off is not done", given=out, expected="all turns", fix="run the same command again")
    baseline = next((name for name in _BASELINES if name in plan.contenders), plan.contenders[0])
    full = np.array([one[-1].agreement.voi for one in turns[ALL]])
    relative = {
        name: [_curve(one, full=level) for one, level in zip(turns[name], full, strict=True)]
        for name in plan.contenders
    }
    return Outcome(
        baseline=baseline,
        seeds=plan.seeds,
        voi_first=float(np.mean([one[0].agreement.voi for one in turns[ALL]])),
        voi_no_labels=float(np.mean([one[-1].agreement.voi for one in turns[NONE]])),
        voi_all_labels=float(full.mean()),
        standings=tuple(
            _standing(name, turns[name], relative[name], None if name == baseline else relative[baseline], baseline)
            for name in plan.contenders
        ),
        curves={name: tuple(_points(one) for one in turns[name]) for name in names},
    )


def _standing(
    name: str, turns: Sequence[Sequence[Turn]], ours: list[Curve], theirs: list[Curve] | None, baseline: str
) -> Standing:
    ratio = minutes_ratio(ours, theirs, WITHIN) if theirs else None
    area = area_difference(ours, theirs) if theirs else None
    last = [one[-1].agreement for one in turns]
    return Standing(
        contender=name,
        minutes_to_target=minutes_estimate(ours, WITHIN),
        reached_on=sum(minutes_to(curve, WITHIN) is not None for curve in ours),
        ratio=ratio,
        area=area,
        voi=float(np.mean([one.voi for one in last])),
        adapted_rand_error=float(np.mean([one.adapted_rand_error for one in last])),
        minutes=float(np.mean([curve.minutes[-1] for curve in ours])),
        tasks=float(np.mean([sum(turn.edits.tasks for turn in one) for one in turns])),
        corrections_first=_corrections([one[1] for one in turns]),
        corrections_last=_corrections([one[-1] for one in turns]),
        forecast_missed=_mean([_forecast_missed(_spent(one), _voi(one)) for one in turns]),
        forecast_missed_of_mean=_forecast_missed(
            np.mean([_spent(one) for one in turns], axis=0), np.mean([_voi(one) for one in turns], axis=0)
        ),
        verdict="the baseline" if ratio is None or area is None else _verdict(ratio, area, baseline),
    )


def _verdict(ratio: Estimate, area: Estimate, baseline: str) -> str:
    """Say what the intervals allow to be said; a difference that they do not show is none."""
    if ratio.value is not None and ratio.shows_other_than(1.0):
        return f"{'fewer' if ratio.value < 1 else 'more'} minutes to the target than {baseline}"
    by_area = ""
    if area.value is not None and area.shows_other_than(0.0):
        by_area = f"; over all minutes its VOI is {'lower' if area.value < 0 else 'higher'}"
    if ratio.value is None:
        return f"the target was not met{by_area}"
    return f"no difference shown in minutes to the target: the interval includes 1{by_area}"


def _forecast_missed(minutes: ArrayLike, voi: ArrayLike) -> float | None:
    return forecast_error(minutes, voi, held_back=_HELD_BACK)


def _mean(figures: Sequence[float | None]) -> float | None:
    known = [figure for figure in figures if figure is not None]
    return float(np.mean(known)) if known else None


def _voi(turns: Sequence[Turn]) -> list[float]:
    return [turn.agreement.voi for turn in turns]


def _corrections(turns: Sequence[Turn]) -> float:
    objects = sum(turn.edits.objects for turn in turns)
    return 100 * sum(turn.edits.corrections for turn in turns) / objects if objects else 0.0


def _spent(turns: Sequence[Turn]) -> list[float]:
    return list(accumulate(turn.minutes for turn in turns))


def _curve(turns: Sequence[Turn], *, full: float) -> Curve:
    return Curve(np.array(_spent(turns)), np.array([turn.agreement.voi / full for turn in turns]))


def _points(turns: Sequence[Turn]) -> tuple[Point, ...]:
    return tuple(
        Point(minutes=spent, voi=turn.agreement.voi, adapted_rand_error=turn.agreement.adapted_rand_error)
        for spent, turn in zip(_spent(turns), turns, strict=True)
    )
