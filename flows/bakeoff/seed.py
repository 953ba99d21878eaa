"""All contenders on one seed, one after the other, each turn kept in a file as soon as it is done."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from flows.bakeoff.plan import ALL, NONE, Plan
from flows.bakeoff.predictions import Predictions
from flows.bakeoff.turn import Answered, Simulation, Turn, ask
from flows.bakeoff.world import open_world
from flows.candidates import COMMITTEE_MODELS
from loop.atomic import write_text
from loop.holding import held
from loop.places import Place
from loop.progress import Progress, silent
from models.training import CHECKPOINT, TrainingResult, train

_FIRST = "first"


def simulate_seed(plan: Plan, out: Path, seed: int, progress: Progress = silent) -> None:
    """Simulate every contender on a seed, going on after the turns that are in `out`.

    Parameters
    ----------
    plan : Plan
        What is simulated.
    out : Path
        Folder of the bake-off.
    seed : int
        Draws where the stack lies that is labelled to begin with, the first network, every patch and whatever
        strategies leave to chance.
    progress : Progress
        Counts the turns of all seeds, as they lie in `out`.

    Raises
    ------
    FolderHeld
        Another process simulates this seed.
    """
    folder = _folder(out, seed)
    folder.mkdir(parents=True, exist_ok=True)
    with held(folder):
        _simulate(plan, out, seed, progress)


def _simulate(plan: Plan, out: Path, seed: int, progress: Progress) -> None:
    world = open_world(plan)
    simulation = Simulation(plan, world, Predictions(world, plan), seed)
    starts = len(world.pool) - plan.start_sections + 1
    first = int(np.random.default_rng(seed).integers(starts))
    begin = tuple(map(Place, world.pool[first : first + plan.start_sections]))
    for contender in (ALL, *plan.contenders, NONE):
        for _ in _contend(simulation, contender, begin, out):
            progress(*turns_done(plan, out), f"seed {seed}, {contender}")


def turns_of(plan: Plan, out: Path, seed: int, contender: str) -> list[Turn]:
    """Read the turns of a contender on a seed that are done, the shared first one included."""
    files = [_record(out, seed, _FIRST, 0), *(_record(out, seed, contender, n) for n in range(1, plan.turns + 1))]
    done: list[Turn] = []
    for path in files:
        if not path.exists():
            break
        done.append(Turn.model_validate_json(path.read_text(encoding="utf-8")))
    return done


def turns_done(plan: Plan, out: Path) -> tuple[int, int]:
    """Count the turns that are done and those that there are to do, the first trainings included."""
    contenders = (ALL, NONE, *plan.contenders)
    records = [_record(out, seed, _FIRST, 0) for seed in range(plan.seeds)]
    records += [
        _record(out, seed, contender, turn)
        for seed in range(plan.seeds)
        for contender in contenders
        for turn in range(1, plan.turns + 1)
    ]
    return sum(path.exists() for path in records), len(records)


def _contend(simulation: Simulation, contender: str, begin: Sequence[Place], out: Path) -> Iterator[None]:
    """Take the turns of a contender that are still to be taken."""
    plan, seed = simulation.plan, simulation.seed
    turns = turns_of(plan, out, seed, contender)
    if not turns:
        turns.append(_first(simulation, begin, out))
        yield
    members = COMMITTEE_MODELS if "committee" in plan.needs(contender) else 1
    while len(turns) <= plan.turns:
        models = [_model(out, seed, contender, turn.turn) for turn in turns[-members:]]
        answered = ask(simulation, contender, turns, [model / CHECKPOINT for model in models])
        labelled = [*(place for turn in turns for place in turn.places), *answered.places]
        new = _model(out, seed, contender, len(turns))
        made = _train(simulation, labelled, new, start_from=models[-1] / CHECKPOINT)
        turns.append(_kept(simulation, len(turns), answered, made, _record(out, seed, contender, len(turns))))
        oldest = turns[-members - 1 :][0]
        if len(turns) > members + 1:  # the first model is every contender's
            simulation.predictions.forget(oldest.model)
            shutil.rmtree(_model(out, seed, contender, oldest.turn))
        yield
    for turn in turns[-members:]:
        simulation.predictions.forget(turn.model)


def _first(simulation: Simulation, begin: Sequence[Place], out: Path) -> Turn:
    seed = simulation.seed
    made = _train(simulation, begin, _model(out, seed, _FIRST, 0), steps=simulation.plan.first_steps)
    return _kept(simulation, 0, Answered(tuple(begin)), made, _record(out, seed, _FIRST, 0))


def _train(
    simulation: Simulation,
    labelled: Sequence[Place],
    folder: Path,
    *,
    start_from: Path | None = None,
    steps: int | None = None,
) -> TrainingResult:
    """Train on what is labelled; equal turns of all contenders of a seed draw their patches by the same seed."""
    plan = simulation.plan
    changes = {"seed": 1000 * simulation.seed + int(folder.name), "steps": steps or plan.training.steps}
    config = plan.training.model_copy(update=changes)
    return train(simulation.world.training_blocks(labelled), config, out_dir=folder, start_from=start_from)


def _kept(simulation: Simulation, number: int, answered: Answered, made: TrainingResult, path: Path) -> Turn:
    turn = Turn(
        turn=number,
        places=answered.places,
        edits=answered.edits,
        minutes=answered.minutes,
        expected_minutes=answered.expected_minutes,
        objects=answered.objects,
        doubts=answered.doubts,
        model=made.sha256,
        agreement=simulation.measured(made.checkpoint, made.sha256),
    )
    write_text(path, turn.model_dump_json(indent=2))
    return turn


def _folder(out: Path, seed: int) -> Path:
    return out / f"seed-{seed}"


def _model(out: Path, seed: int, contender: str, turn: int) -> Path:
    return _folder(out, seed) / (contender.replace(" ", "-") if turn else _FIRST) / "models" / str(turn)


def _record(out: Path, seed: int, contender: str, turn: int) -> Path:
    return _folder(out, seed) / contender.replace(" ", "-") / f"turn-{turn:02d}.json"
