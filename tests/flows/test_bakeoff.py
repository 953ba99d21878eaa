"""A whole bake-off on a phantom of seconds; what it concludes is checked on turns made by hand."""

from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from flows.bakeoff.bake_off import RESULT, bake_off
from flows.bakeoff.output import outcome_table, write_page
from flows.bakeoff.plan import ALL, NONE, Plan, settle, simulation_training
from flows.bakeoff.predictions import Predictions
from flows.bakeoff.result import Outcome, outcome
from flows.bakeoff.seed import turns_of
from flows.bakeoff.turn import Turn
from flows.bakeoff.world import edits_towards, open_world
from flows.cli import app
from loop.errors import InputError, ProofloopError
from loop.labels import section_hash
from loop.metrics import Agreement
from loop.minutes import NO_EDITS, Edits, minutes
from loop.places import Place, Tile
from models.targets import membrane_target

CONTENDERS = ("random", "entropy@tile", "tracking", "committee")


def plan_of(phantom: Path) -> Plan:
    training = simulation_training()
    network = training.network.model_copy(update={"channels": (2, 2, 4, 4)})
    return Plan(
        volume=f"{phantom}:raw",
        labels=f"{phantom}:labels",
        holdout="12:14",
        contenders=CONTENDERS,
        seeds=1,
        start_sections=1,
        turns=2,
        minutes_per_turn=1,
        crop_px=96,
        tile_px=96,
        first_steps=4,
        training=training.model_copy(update={"network": network, "steps": 2, "batch": 1, "patch_px": 32}),
    )


@pytest.fixture(scope="module")
def plan(phantom: Path) -> Plan:
    return plan_of(phantom)


@pytest.fixture(scope="module")
def done(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bakeoff")
    bake_off(plan, out)
    return out


def test_all_contenders_begin_with_one_model_and_work_as_long(plan: Plan, done: Path) -> None:
    turns = {name: turns_of(plan, done, 0, name) for name in (ALL, NONE, *CONTENDERS)}
    assert len({of_name[0].model for of_name in turns.values()}) == 1
    assert {place for turn in turns[ALL] for place in turn.places} == {Place(z) for z in range(12)}
    assert [turn.minutes for turn in turns[NONE]] == [0, 0, 0]
    for name in CONTENDERS:
        for turn in turns[name]:
            assert turn.minutes == pytest.approx(minutes(turn.edits, plan.effort))
            assert turn.edits.tasks == (len(turn.places) if turn.turn else 0)
            # of an untrained model there may be one object, but some were looked at wherever something was asked
            assert (turn.objects > 0) == (turn.edits.tasks > 0)
        # a turn begins no task after its time, and what the last one took beyond is missing in the next
        spent = np.cumsum([turn.minutes for turn in turns[name]])
        assert spent[1] >= plan.minutes_per_turn or turns[name][1].minutes == 0


def test_no_place_is_asked_for_twice_and_none_of_the_holdout(plan: Plan, done: Path) -> None:
    for name in CONTENDERS:
        places = [place for turn in turns_of(plan, done, 0, name) for place in turn.places]
        assert len(places) == len(set(places))
        assert all(place.z < 12 for place in places)


def test_results_are_written_for_people_and_for_programs(plan: Plan, done: Path) -> None:
    found = Outcome.model_validate_json((done / RESULT).read_text())
    assert found == outcome(plan, done)
    assert [standing.contender for standing in found.standings] == list(CONTENDERS)
    assert found.baseline == "random"
    assert set(found.curves) == {ALL, NONE, *CONTENDERS}
    page = (done / "index.html").read_text()
    assert "entropy@tile" in page
    assert "data:image/svg+xml" in page
    assert (done / "curves.png").read_bytes().startswith(b"\x89PNG")
    console = Console(width=80, file=StringIO(), record=True)
    console.print(outcome_table(found))
    shown = console.export_text()
    assert "entropy@tile:" in shown
    assert "\N{HORIZONTAL ELLIPSIS}" not in shown


def test_an_interrupted_bake_off_goes_on_where_it_was_to_the_same_end(plan: Plan, done: Path, tmp_path: Path) -> None:
    class Interrupted(Exception):
        pass

    def interrupt(done: int, total: int, note: str = "") -> None:
        assert total == 13
        if done == 7:
            raise Interrupted

    with pytest.raises(Interrupted):
        bake_off(plan, tmp_path, progress=interrupt)
    written = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("turn-*.json")}
    assert len(written) == 7
    resumed = bake_off(plan, tmp_path)
    assert {path: path.stat().st_mtime_ns for path in written} == written
    assert resumed == outcome(plan, done)


def test_strategies_may_be_added_but_nothing_else_changed(plan: Plan, tmp_path: Path) -> None:
    settle(plan, tmp_path)
    settle(plan.model_copy(update={"contenders": ("random", "interval"), "seeds": 3}), tmp_path)
    with pytest.raises(InputError, match="minutes_per_turn = 7"):
        settle(plan.model_copy(update={"minutes_per_turn": 7}), tmp_path)


def test_what_goes_wrong_in_a_process_is_told_here(plan: Plan, tmp_path: Path) -> None:
    too_large = plan.model_copy(update={"training": plan.training.model_copy(update={"patch_px": 512})})
    with pytest.raises(ProofloopError, match="patch is larger"):
        bake_off(too_large, tmp_path, jobs=2)


def test_a_wall_that_a_model_lost_is_found_by_tracing_what_it_predicts(plan: Plan) -> None:
    world = open_world(plan)
    membrane = membrane_target(world.truth, border_px=1).astype(np.float32)
    lost = np.zeros((96, 96), np.bool_)
    lost[32:64, 32:64] = True
    membrane[5][lost] = 0
    predictions = Predictions(world, plan, {"one": {z: (plane, plane) for z, plane in enumerate(membrane)}})
    for score in ("tracking", "change"):
        found = predictions.traced(Path("unread"), "one", score)
        assert found.shape == (14, 96, 96)
        assert found[5][lost].mean() > 2 * found[5][~lost].mean()


def test_a_committee_is_of_the_last_three_models_and_no_older_one_is_kept(plan: Plan, done: Path) -> None:
    models = done / "seed-0" / "committee" / "models"
    assert sorted(path.name for path in models.iterdir()) == ["1", "2"]
    assert [path.name for path in (done / "seed-0" / "tracking" / "models").iterdir()] == ["2"]
    assert plan.needs("committee@tile") == ("committee",)


def test_no_simulated_training_sees_a_section_of_the_holdout(plan: Plan) -> None:
    world = open_world(plan.model_copy(update={"holdout": "5:8"}))
    blocks = world.training_blocks([Place(z) for z in world.pool])
    seen = [section_hash(image) for block in blocks for image in block.image]
    assert len(seen) == 11
    assert {section_hash(world.image[z]) for z in world.holdout}.isdisjoint(seen)


def test_labels_count_only_where_something_was_labelled(plan: Plan) -> None:
    world = open_world(plan)
    (block,) = world.training_blocks([Place(2), Place(5, Tile(10, 20, 30, 40))])
    assert len(block.image) == 12
    assert block.annotated[2].all()
    assert block.annotated[5].sum() == 30 * 40
    assert block.annotated[5, 10:40, 20:60].all()
    assert block.annotated.sum() == 96 * 96 + 1200


def test_edits_are_counted_where_the_annotator_looks() -> None:
    truth = np.zeros((60, 100), np.uint32)
    truth[5:55, 5:45], truth[5:55, 47:93] = 1, 2
    merged = np.where(truth > 0, np.uint32(1), np.uint32(0))
    merged[5:55, 45:47] = 1
    assert edits_towards(merged, truth, None) == Edits(objects=1, area_px=6000, strokes=1)
    assert edits_towards(merged, truth, Tile(0, 50, 60, 50)) == Edits(objects=1, area_px=3000)
    half = np.where(truth == 1, truth, 0).astype(np.uint32)
    assert edits_towards(half, truth, None) == Edits(objects=1, area_px=6000, points=1)
    assert edits_towards(truth, truth, None).corrections == 0


def turn(number: int, voi: float, *, spent: float) -> Turn:
    agreement = Agreement(voi_split=voi, voi_merge=0, adapted_rand_error=voi / 5, precision=1, recall=1, dice=1)
    edits = NO_EDITS if not number else Edits(objects=100, strokes=max(0, 30 - 10 * number))
    return Turn(
        turn=number, places=(), edits=edits, minutes=spent, expected_minutes=spent, model="m", agreement=agreement
    )


def store(plan: Plan, out: Path, name: str, voi: list[float]) -> None:
    for seed in range(plan.seeds):
        first, folder = out / f"seed-{seed}" / "first", out / f"seed-{seed}" / name.replace(" ", "-")
        for number, one in enumerate([1.0, *voi]):
            path = (folder if number else first) / f"turn-{number:02d}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(turn(number, one, spent=10.0 if number else 0.0).model_dump_json())


def test_a_strategy_twice_as_fast_is_said_to_be_and_an_equal_one_is_not(plan: Plan, tmp_path: Path) -> None:
    three = plan.model_copy(update={"contenders": ("random", "entropy", "interval"), "seeds": 3})
    store(three, tmp_path, ALL, [0.5, 0.5])
    store(three, tmp_path, NONE, [1.0, 1.0])
    store(three, tmp_path, "random", [0.75, 0.5])
    store(three, tmp_path, "entropy", [0.5, 0.5])
    store(three, tmp_path, "interval", [0.75, 0.5])
    found = outcome(three, tmp_path)
    random, entropy, interval = found.standings
    assert (found.voi_first, found.voi_no_labels, found.voi_all_labels) == (1.0, 1.0, 0.5)
    # from 1.0 to 0.5 * 1.05: straight down in 10 minutes, or 0.75 after 10 and then 0.5 after 20
    assert entropy.minutes_to_target.value == pytest.approx(9.5, abs=0.1)
    assert random.minutes_to_target.value == pytest.approx(19, abs=0.1)
    assert entropy.ratio is not None
    assert entropy.ratio.value == pytest.approx(0.5, abs=0.01)
    assert entropy.verdict == "fewer minutes to the target than random"
    assert interval.ratio is not None
    assert interval.ratio.value == pytest.approx(1)
    assert interval.verdict == "no difference shown in minutes to the target: the interval includes 1"
    assert (random.reached_on, random.verdict, random.ratio) == (3, "the baseline", None)
    assert (random.corrections_first, random.corrections_last) == (20, 10)
    assert random.forecast_missed is None  # three points, two of them held back, are too few
    write_page(found, three, tmp_path)
    assert "no difference shown" in (tmp_path / "index.html").read_text()


def test_unknown_strategies_and_impossible_holdouts_are_refused(phantom: Path, tmp_path: Path) -> None:
    volume = [f"{phantom}:raw", f"{phantom}:labels", "-o", str(tmp_path / "out")]
    unknown = CliRunner().invoke(app, ["bakeoff", *volume, "--holdout", "12:14", "--strategies", "guess"])
    assert isinstance(unknown.exception, InputError)
    assert "'guess' not known; there are random" in str(unknown.exception)
    outside = CliRunner().invoke(app, ["bakeoff", *volume, "--holdout", "12:99"])
    assert isinstance(outside.exception, InputError)
    few = CliRunner().invoke(app, ["bakeoff", *volume, "--holdout", "2:14"])
    assert isinstance(few.exception, InputError)
    assert "pool is too small" in str(few.exception)


def test_forecasts_are_held_against_the_turns_that_they_did_not_see(plan: Plan, tmp_path: Path) -> None:
    longer = plan.model_copy(update={"contenders": ("random",), "turns": 5})
    for name in (ALL, NONE, "random"):
        store(longer, tmp_path, name, [0.8, 0.7, 0.64, 0.61, 0.59])
    (random,) = outcome(longer, tmp_path).standings
    assert random.forecast_missed is not None
    assert random.forecast_missed < 0.05
    assert random.forecast_missed_of_mean == pytest.approx(random.forecast_missed)
