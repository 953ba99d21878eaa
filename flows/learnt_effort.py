"""How long people of a run take, by the answers that came back so far."""

from collections.abc import Iterator

import numpy as np

from flows.answers import Answers
from flows.runs import Run
from loop.answer_events import Correction
from loop.calibration import Answer, Asked, calibrated
from loop.events import Ranked
from loop.minutes import EffortModel


def learnt_effort(run: Run) -> EffortModel:
    """Give the configured effort model, put right by what the answered tasks of the run took."""
    return calibrated(run.config.effort, list(_answers(run)))


def _answers(run: Run) -> Iterator[Answer]:
    """Give the newest version of each answer to a place that was chosen by its minutes; discarded ones tell nothing."""
    section_px = int(np.prod(run.image.shape[1:]))
    for iteration, events in Answers.of(run.ledger).newest.items():
        ranked = run.ledger.stage(Ranked, iteration)
        for event in events.values():
            place, correction = event.place, event.correction
            if ranked is None or place not in ranked.objects or correction is None or correction.discarded:
                continue
            area_px = place.tile.height_px * place.tile.width_px if place.tile else section_px
            asked = Asked(ranked.objects[place], ranked.doubts[place].stretches, area_px)
            yield Answer(asked, _corrections(correction), correction.human_minutes)


def _corrections(correction: Correction) -> int:
    return correction.strokes + correction.regions_changed + correction.regions_added + correction.regions_deleted
