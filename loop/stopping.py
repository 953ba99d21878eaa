"""Whether more annotation pays: go on or stop, what the next sections should bring, and what an hour buys."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from loop.learning_curve import FEWEST, Forecast, fit_learning_curve

LEAST_GAIN = 0.02
"""Share of the VOI that the next turn must be expected to take away; less drowns in what two trainings differ by."""


@dataclass(frozen=True)
class TurnTaken:
    """What is known of a turn.

    Attributes
    ----------
    labelled_sections : float
        What its model learnt from.
    voi : float
        Of its model on the hold-out, bits.
    answered : int
        Sections or tiles corrected in it.
    edits : int
        Regions that were touched in them.
    minutes : float
        What people needed for that; 0 where only the oracle answered.
    """

    labelled_sections: float
    voi: float
    answered: int = 0
    edits: int = 0
    minutes: float = 0.0


class Advice(BaseModel):
    """What to do next, and why."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    decision: Literal["go on", "stop", "too few turns"]
    """In a word."""
    reason: str
    """In a sentence or two."""
    sections_more: float | None = None
    """So many labelled sections more, as many as in the last turn, ..."""
    forecast: Forecast | None = None
    """... should bring the hold-out VOI to this."""
    gain_per_hour: float | None = None
    """Bits of VOI that the next hour of annotation is expected to take away; None where no minutes are known."""
    edits_per_section: tuple[float, ...] = ()
    """Regions touched in a section or tile, turn by turn."""

    @property
    def said(self) -> str:
        """Decision and reason in words."""
        return f"{self.decision.capitalize()}: {self.reason}"


def advise(turns: Sequence[TurnTaken]) -> Advice:
    """Advise to go on or to stop.

    Stop where the next turn, with as many sections as the last one, is expected to take less than `LEAST_GAIN` off the
    VOI, and the edits that a pre-annotated section needs no longer fall.

    Parameters
    ----------
    turns : sequence of TurnTaken
        In order; only those whose model was measured.
    """
    edits = tuple(turn.edits / turn.answered for turn in turns if turn.answered)
    curve = fit_learning_curve([turn.labelled_sections for turn in turns], [turn.voi for turn in turns])
    if curve is None:
        measured = f"{len(turns)} measured turn{'' if len(turns) == 1 else 's'}"
        reason = f"{measured}: from {FEWEST} turns with different labels on, the course of the VOI tells more."
        return Advice(decision="too few turns", reason=reason, edits_per_section=edits)
    now, last = turns[-1], turns[-1].labelled_sections - turns[-2].labelled_sections
    more = last if last > 0 else (now.labelled_sections - turns[0].labelled_sections) / (len(turns) - 1)
    expected = curve.at(now.labelled_sections)
    forecast = curve.at(now.labelled_sections + more)
    gain = max(expected.value - forecast.value, 0.0)
    falling = len(edits) > 1 and edits[-1] < 0.9 * edits[-2]
    pays = gain >= LEAST_GAIN * expected.value
    minutes_a_section = _minutes_a_section(turns)
    per_hour = 60 * gain / (more * minutes_a_section) if minutes_a_section else None
    said = [
        f"{more:.0f} more sections should bring the hold-out VOI to {forecast.value:.3f} ± {forecast.plus_minus:.3f}"
        f" (now {now.voi:.3f})"
    ]
    if per_hour is not None:
        said.append(f"an hour of annotation should take off {per_hour:.3f} bits")
    if len(edits) > 1:
        said.append(f"a section needed {edits[0]:.0f} edits in the first turn and {edits[-1]:.0f} in the last")
    if not pays:
        least = f"less than {100 * LEAST_GAIN:.0f} % of the VOI is to be gained"
        said.append(f"{least}, but edits still fall" if falling else least)
    return Advice(
        decision="go on" if pays or falling else "stop",
        reason="; ".join(said) + ".",
        sections_more=more,
        forecast=forecast,
        gain_per_hour=per_hour,
        edits_per_section=edits,
    )


def _minutes_a_section(turns: Sequence[TurnTaken]) -> float | None:
    timed = [turn for turn in turns if turn.minutes > 0 and turn.answered]
    return timed[-1].minutes / timed[-1].answered if timed else None
