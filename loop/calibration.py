"""What answered tasks teach about the minutes of the next ones."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loop.minutes import EffortModel

Numbers = float | NDArray[np.float64]

_DOUBTS = 50.0
"""Doubtful stretches that the configured corrections count for: as many as some two sections of 512 px have."""
_MINUTES = 10.0
"""Expected minutes that the configured pace counts for."""
_PAUSE = 4.0
"""Times the usual share of what was expected beyond which an answer took no longer: the page was open in a pause."""


@dataclass(frozen=True)
class Asked:
    """What there is to look at in a task, in several together, or in each of many.

    Attributes
    ----------
    objects : float or (n,) float64
        Predicted objects; a tile has shares of those on its edge.
    doubts : float or (n,) float64
        Doubtful stretches of border.
    area_px : float or (n,) float64
        Pixels.
    tasks : float
        Tasks to open.
    """

    objects: Numbers
    doubts: Numbers
    area_px: Numbers
    tasks: float = 1.0


@dataclass(frozen=True)
class Answer:
    """What there was to look at in one task, or in several together, and what came of it.

    Attributes
    ----------
    asked : Asked
        Plain numbers.
    corrections : float
        Strokes, points and outlines that the annotator made of them.
    minutes : float
        What people needed; 0 where nobody's time was taken.
    """

    asked: Asked
    corrections: float
    minutes: float = 0.0


def calibrated(model: EffortModel, answers: Sequence[Answer]) -> EffortModel:
    """Put the expectation right by what answered tasks took.

    Corrections for each doubt are counted, whoever answers; the pace is of people alone. Both are means with what is
    configured as prior, so that the first answers move them little and some hundred decide them.

    Parameters
    ----------
    model : EffortModel
        As configured.
    answers : sequence of Answer
        All so far.

    Returns
    -------
    EffortModel
        With other `corrections_per_doubt` and `pace`.
    """
    doubts, corrections = sum(one.asked.doubts for one in answers), sum(one.corrections for one in answers)
    rate = (model.corrections_per_doubt * _DOUBTS + corrections) / (_DOUBTS + doubts)
    found = model.model_copy(update={"corrections_per_doubt": float(rate)})
    timed = [one for one in answers if one.minutes > 0]
    if not timed:
        return found
    plain = found.model_copy(update={"pace": 1.0})
    expected = np.array([expected_minutes(one.asked, plain) for one in timed])
    shares = np.array([one.minutes for one in timed]) / np.maximum(expected, 1e-9)
    taken = np.minimum(shares, _PAUSE * float(np.median(shares))) * expected
    pace = (model.pace * _MINUTES + taken.sum()) / (_MINUTES + expected.sum())
    return found.model_copy(update={"pace": float(pace)})


def expected_minutes(asked: Asked, model: EffortModel) -> Numbers:
    """Expect that an annotator looks at every object and corrects as much as so many doubts usually bring."""
    seconds = (
        asked.tasks * model.seconds_per_task
        + asked.objects * model.seconds_per_object
        + asked.area_px / 1e6 * model.seconds_per_megapixel
        + asked.doubts * model.corrections_per_doubt * model.seconds_per_stroke
    )
    return model.pace * seconds / 60
