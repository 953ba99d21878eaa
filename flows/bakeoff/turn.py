"""One simulated turn: choose, correct while there is time, train, measure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from flows.bakeoff.plan import ALL, NONE, Plan
from flows.bakeoff.predictions import Predictions
from flows.bakeoff.world import World, edits_towards
from flows.candidates import Pool, candidates_of
from flows.evaluation import agreement_of_membrane
from flows.outlines import outlines
from loop.calibration import Answer, Asked, calibrated
from loop.metrics import Agreement, mean_agreement
from loop.minutes import NO_EDITS, Edits, minutes
from loop.places import Place, PlaceField
from loop.ranking import TRACED, Candidates, choose


class Turn(BaseModel):
    """What a contender had done on a seed when it had trained so often."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    turn: int
    """Trainings after the first; 0 is the model that all contenders of a seed begin with."""
    places: tuple[PlaceField, ...]
    """What was labelled before this training, in the order asked for; of turn 0, what there was to begin with."""
    edits: Edits
    """What the annotator did to these places."""
    minutes: float
    """What that took."""
    expected_minutes: float
    """What it was expected to take when they were chosen."""
    objects: float = 0
    """Predicted objects in them, by which that was expected; strategies that need no minutes count none."""
    doubts: float = 0
    """Doubtful stretches of border in them, likewise."""
    model: str
    """SHA-256 of the model's checkpoint."""
    agreement: Agreement
    """On the hold-out, mean over its sections."""


@dataclass(frozen=True)
class Simulation:
    """One seed: the world, its plan, and what its models predict."""

    plan: Plan
    world: World
    predictions: Predictions
    seed: int

    def measured(self, checkpoint: Path, sha256: str) -> Agreement:
        """Measure a model on the hold-out."""
        found = self.predictions.of(checkpoint, sha256, self.world.holdout)
        return mean_agreement(
            [
                agreement_of_membrane(membrane, self.world.truth[z], self.plan.seeding)
                for z, membrane in zip(self.world.holdout, found.mean, strict=True)
            ]
        )


@dataclass(frozen=True)
class Answered:
    """What came back from the annotator: places, what they took, and what they were expected to take."""

    places: tuple[Place, ...] = ()
    edits: Edits = NO_EDITS
    minutes: float = 0.0
    expected_minutes: float = 0.0
    objects: float = 0.0
    doubts: float = 0.0


def ask(simulation: Simulation, contender: str, turns: Sequence[Turn], checkpoints: Sequence[Path]) -> Answered:
    """Let a contender choose, and the annotator work down its list until the time of all turns so far is used up.

    A task is begun while time is left, and finished; what it takes beyond is missing in the next turn.

    Parameters
    ----------
    simulation : Simulation
        The seed.
    contender : str
        Who chooses.
    turns : sequence of Turn
        Those taken so far.
    checkpoints : sequence of Path
        The models of the last of them, the newest last: one, or those of a committee.
    """
    if contender == NONE:
        return Answered()
    labelled = [place for turn in turns for place in turn.places]
    if contender == ALL:
        return Answered(tuple(Place(z) for z in simulation.world.pool if Place(z) not in labelled))
    plan = simulation.plan
    time_left = len(turns) * plan.minutes_per_turn - sum(turn.minutes for turn in turns)
    if time_left <= 0:
        return Answered()
    pool = _pool(simulation, plan.needs(contender), turns, checkpoints)
    effort = calibrated(plan.effort, [_answer(turn) for turn in turns[1:]])
    candidates = candidates_of(pool, plan.ranking(contender), seeding=plan.seeding, effort=effort)
    rng = np.random.default_rng((simulation.seed, len(turns)))
    count = _places_for(time_left, candidates, turns)
    chosen = choose(
        plan.ranking(contender).strategy,
        candidates,
        count,
        rng=rng,
        min_distance_sections=plan.min_distance_sections,
    )
    return _worked_down(simulation, pool, chosen, candidates, time_left)


def _worked_down(
    simulation: Simulation, pool: Pool, chosen: Sequence[Place], candidates: Candidates, time_left: float
) -> Answered:
    """Correct one place after the other while there is time."""
    plan, answered, asked = simulation.plan, Answered(), candidates.asked
    assert asked is not None  # a bake-off always counts minutes
    numbers = {place: number for number, place in enumerate(candidates.places)}
    objects, doubts = np.asarray(asked.objects), np.asarray(asked.doubts)
    for place in chosen:
        if answered.minutes >= time_left:
            break
        membrane, grown_px = pool.membrane(place.z), plan.training.border_px
        shown = outlines(membrane, plan.seeding, smallest_px=plan.min_object_px, grown_px=grown_px)
        edits = edits_towards(shown, simulation.world.truth[place.z], place.tile)
        answered = Answered(
            (*answered.places, place),
            answered.edits + edits,
            answered.minutes + minutes(edits, plan.effort),
            answered.expected_minutes + float(candidates.expected_minutes[numbers[place]]),
            answered.objects + float(objects[numbers[place]]),
            answered.doubts + float(doubts[numbers[place]]),
        )
    return answered


def _answer(turn: Turn) -> Answer:
    asked = Asked(turn.objects, turn.doubts, turn.edits.area_px, turn.edits.tasks)
    return Answer(asked, turn.edits.corrections, turn.minutes)


def _places_for(time_left: float, candidates: Candidates, turns: Sequence[Turn]) -> int:
    """Say how many places fill the time, by what they took so far; in the first turn, by what is expected of them."""
    places, spent = sum(turn.edits.tasks for turn in turns), sum(turn.minutes for turn in turns)
    expected = float(np.median(candidates.expected_minutes)) if candidates.places else 1.0
    return max(1, ceil(time_left / (spent / places if places else expected)))


def _pool(simulation: Simulation, needs: Collection[str], turns: Sequence[Turn], checkpoints: Sequence[Path]) -> Pool:
    """Give what may be asked for and what the last models say of it."""
    world, predictions = simulation.world, simulation.predictions
    labelled = [place for turn in turns for place in turn.places]
    whole = {place.z for place in labelled if place.tile is None}
    free = tuple(z for z in world.pool if z not in whole)
    models = list(zip(checkpoints, (turn.model for turn in turns[-len(checkpoints) :]), strict=True))
    traced = {name: predictions.traced(*models[-1], name) for name in TRACED & {*needs}}
    *earlier, found = (predictions.of(*model, free) for model in models)
    number = {z: index for index, z in enumerate(free)}

    def plane(stack: NDArray[np.float32], z: int) -> NDArray[np.float32]:
        return np.asarray(stack[number[z]])

    tiles = {z: [place.tile for place in labelled if place.z == z and place.tile is not None] for z in free}
    return Pool(
        sections=free,
        image=lambda z: world.image[z],
        membrane=partial(plane, found.mean),
        variance=partial(plane, found.variance),
        earlier=[partial(plane, one.mean) for one in earlier],
        traced={name: stack.__getitem__ for name, stack in traced.items()},
        labelled=tuple(sorted({place.z for place in labelled})),
        tiles=tiles,
    )
