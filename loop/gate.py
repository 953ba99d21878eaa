"""The gate: a new model takes the promoted one's place unless the frozen hold-out says that it is worse."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from loop.errors import InputError
from loop.metrics import Agreement

Verdict = Literal["promote", "keep", "alarm"]
REPLICATES = 2000
"""Resampled hold-outs from which an interval is read."""
_CONFIG = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class GateConfig(BaseModel):
    """When a new model takes the place of the promoted one."""

    model_config = _CONFIG

    margin: float = Field(default=0.2, ge=0, le=1)
    """Share by which its hold-out VOI may be higher: trainings that differ in their seed alone differ so far."""


class GateDecision(BaseModel):
    """Whether a candidate replaces the promoted model, and why."""

    model_config = _CONFIG

    promoted: bool
    """True when the candidate is now the promoted model."""
    reason: str
    """The comparison in words."""
    verdict: Verdict | None = None
    """`alarm` is a candidate that is clearly worse; None in records of older versions."""
    against: int | None = None
    """Iteration of the model that it was compared with; None for the first."""
    difference: float | None = None
    """Candidate's hold-out VOI less the other's, mean over sections, bits; negative is better."""
    interval: tuple[float, float] | None = None
    """95 % interval of that difference over hold-outs of this kind, bits."""
    margin: float | None = None
    """Most that the difference could be for a promotion, bits."""


def decide(
    candidate: Mapping[int, Agreement],
    reference: tuple[int, Mapping[int, Agreement]] | None,
    config: GateConfig | None = None,
) -> GateDecision:
    """Compare a candidate with the best model that was promoted so far, section by section.

    It is promoted where its mean is no higher than the margin allows, since trainings that differ in nothing but their
    seed lie so far apart. Of those that are not, one whose whole interval lies above 0 is an alarm: that is not the
    choice of sections. docs/decisions/0013 has the reasons.

    Parameters
    ----------
    candidate : mapping of int to Agreement
        Every hold-out section's measures, keyed by z.
    reference : (int, mapping of int to Agreement), optional
        Iteration of the best promoted model, and its measures of the same sections.
    config : GateConfig, optional
        The margin.

    Raises
    ------
    InputError
        If the two were not measured on the same sections.
    """
    voi = float(np.mean([section.voi for section in candidate.values()]))
    if reference is None:
        return GateDecision(promoted=True, reason=f"first model, hold-out VOI {voi:.3f} bits", verdict="promote")
    against, measured = reference
    if measured.keys() != candidate.keys():
        raise InputError(
            "two models cannot be compared",
            given=f"hold-out sections {sorted(candidate)} and, in iteration {against}, {sorted(measured)}",
            expected="the same hold-out sections for both",
            fix="put holdout in proofloop.toml back to what the run was made with",
        )
    differences = np.array([candidate[z].voi - measured[z].voi for z in sorted(candidate)])
    difference, interval = float(differences.mean()), block_interval(differences)
    margin = (config or GateConfig()).margin * float(np.mean([section.voi for section in measured.values()]))
    verdict = _verdict(difference, interval, margin)
    return GateDecision(
        promoted=verdict == "promote",
        reason=_words(voi, difference, interval, against=against) + _because(verdict, interval, margin),
        verdict=verdict,
        against=against,
        difference=difference,
        interval=interval,
        margin=margin,
    )


def block_interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """Give the 95 % bootstrap interval of the mean of `(section,)` paired differences or measures, in the order of z.

    Neighbouring sections show nearly the same, so blocks of neighbours are drawn, not sections: as long as the cube
    root of their number, rounded up, the first following the last (Politis and Romano, "A circular block-resampling
    procedure for stationary data", 1992).
    """
    count = len(values)
    length = int(np.ceil(count ** (1 / 3)))
    starts = np.random.default_rng(0).integers(count, size=(REPLICATES, -(-count // length)))
    drawn = ((starts[..., None] + np.arange(length)) % count).reshape(REPLICATES, -1)[:, :count]
    low, high = np.quantile(values[drawn].mean(axis=1), (0.025, 0.975))
    return float(low), float(high)


def _verdict(difference: float, interval: tuple[float, float], margin: float) -> Verdict:
    if difference <= margin:
        return "promote"
    return "alarm" if interval[0] > 0 else "keep"


def _words(voi: float, difference: float, interval: tuple[float, float], *, against: int) -> str:
    """Say for instance: VOI 0.412, 0.031 lower than iteration 2's, 95 % 0.010 to 0.052."""
    sign, side = (-1, "lower") if difference < 0 else (1, "higher")
    low, high = sorted(sign * end for end in interval)
    return f"VOI {voi:.3f}, {abs(difference):.3f} {side} than iteration {against}'s, 95 % {low:.3f} to {high:.3f}"


def _because(verdict: Verdict, interval: tuple[float, float], margin: float) -> str:
    if interval[1] < 0:
        return ": clearly better"
    match verdict:
        case "promote":
            return f": within the {margin:.3f} that seeds differ by"
        case "keep":
            return f": worse by more than {margin:.3f}, though not on every choice of sections"
        case "alarm":
            return f": clearly worse, by more than {margin:.3f}"
