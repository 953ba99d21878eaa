"""Two real turns on a phantom: what a model learnt, from whom, and how to go back to the first."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.drifting import pool_drift
from flows.initialise import init_run
from flows.learning import (
    evaluate_model,
    gate_model,
    learn,
    predict_sections,
    prediction_store,
    promoted_model,
    roll_back,
    train_model,
)
from flows.predictor import predictor_of
from flows.proofreading import rank_pool
from flows.runs import Run, open_run
from flows.summarise import status_records, summarise
from flows.training_set import training_blocks
from loop.answer_events import Correction, SectionLabelled
from loop.blame import blame_section, blame_voxel
from loop.errors import InputError
from loop.events import Gated, Ingested, Published, Ranked, Trained
from loop.iteration import Position, Stage, position
from loop.labels import write_section
from loop.places import Place, Tile
from loop.replay import replay
from loop.training_labels import seen_in_training
from loop.uncertainty import Uncertainty
from models.checkpoint import load_checkpoint
from tests.flows.conftest import quick_config

TILE = Tile(16, 32, 48, 40)


@pytest.fixture(scope="module")
def turned(tmp_path_factory: pytest.TempPathFactory, phantom: Path) -> Run:
    """A run whose second model learnt a corrected section and a tile on top of it; both models are promoted."""
    config = quick_config(phantom)
    lenient = config.gate.model_copy(update={"margin": 1.0})
    run = init_run(tmp_path_factory.mktemp("provenance") / "run", config.model_copy(update={"gate": lenient}))
    machine_half(run)
    answer(run, 6, annotation=11)
    answer(run, 6, annotation=12, tile=TILE)
    closed = Ingested(iteration=1, sections=[Place(6)])
    unsure = {Place(6): Uncertainty(entropy_bits=0.5, disagreement=0.0)}
    asked = Ranked(iteration=1, chosen=[Place(6)], uncertainty=unsure, predicted_in=1)
    for event in (asked, Published(iteration=1, tasks={Place(6): 7}), closed):
        run.ledger.append(event)
    machine_half(run)
    return run


def machine_half(run: Run) -> None:
    train_model(run)
    predict_sections(run)
    evaluate_model(run)
    gate_model(run)


def answer(run: Run, z: int, *, annotation: int, tile: Tile | None = None) -> None:
    """Store the truth of a section as if somebody had submitted it over the contours of the first model."""
    counted = np.ones(run.image.shape[1:], dtype=bool)
    if tile is not None:
        counted[:] = False
        counted[tile.window] = True
    path, digest = write_section(run.folder.labels, z, run.labels.section(z), counted=counted)
    correction = Correction(
        iteration=1,
        task_id=7,
        annotation_id=annotation,
        annotator=f"person{annotation}@lab",
        submitted_at=datetime(2026, 11, annotation, 9, tzinfo=UTC),
        lead_time_s=60.0,
        model_sha256=run.ledger.finished(Trained, 1).sha256,
        result_sha256="r",
        regions_kept=1,
        regions_changed=0,
        regions_added=0,
        regions_deleted=0,
    )
    run.ledger.append(SectionLabelled(section=z, file=path.name, sha256=digest, tile=tile, correction=correction))


def test_blame_names_the_person_the_task_the_model_and_who_learnt_from_it(turned: Run) -> None:
    inside, outside = blame_voxel(turned.folder, 6, 20, 40), blame_voxel(turned.folder, 6, 80, 90)
    newest = inside.versions[0]
    assert (newest.annotator, newest.annotation_id, newest.task_id) == ("person12@lab", 12, 7)
    assert (newest.iteration, newest.over_model, newest.counts, newest.learnt_by) == (1, 1, True, [2])
    assert [(found.annotation_id, found.counts) for found in inside.versions] == [(12, True), (11, False)]
    assert [(found.annotation_id, found.counts) for found in outside.versions] == [(11, True)]
    assert inside.state == "labelled"
    truth = turned.labels.section(6)
    assert (inside.label == 0) == (truth[20, 40] == 0)


def test_blame_of_given_and_of_unlabelled_and_of_held_out_voxels(turned: Run) -> None:
    given = blame_voxel(turned.folder, 2, 5, 5)
    assert given.versions[0].annotator is None
    assert given.versions[0].learnt_by == [1, 2]
    assert given.label == turned.labels.section(2)[5, 5]
    assert blame_voxel(turned.folder, 9, 5, 5).state == "not labelled"
    assert blame_voxel(turned.folder, 12, 5, 5).state == "hold-out"
    with pytest.raises(InputError, match="not in the volume"):
        blame_voxel(turned.folder, 2, 5, 96)


def test_blame_of_a_section_has_the_share_of_each_annotation(turned: Run) -> None:
    found = blame_section(turned.folder, 6)
    tile, whole = (found.shares[version.file] for version in found.versions)
    assert tile == TILE.height_px * TILE.width_px / 96**2
    seam = 2 * (TILE.height_px + TILE.width_px)  # right beside the tile nothing counts
    assert whole == 1 - tile - seam / 96**2


def test_the_command_says_who_labelled_a_voxel(turned: Run) -> None:
    said = CliRunner().invoke(app, ["blame", str(turned.folder.root), "6", "20", "40"]).stdout
    assert "person12@lab: iteration 1, task 7, annotation 12, section 6[16:64,32:72], over the contours of" in said
    assert "learnt by the models of iterations 2; counts" in said


@pytest.mark.parametrize("iteration", [1, 2])
def test_replay_has_the_very_bytes_that_were_trained_on(turned: Run, tmp_path: Path, iteration: int) -> None:
    trained = replay(turned.folder, iteration, tmp_path / "seen.h5")
    with h5py.File(tmp_path / "seen.h5") as file:
        labels, annotated = file["labels"][:], file["annotated"][:]
    blocks = training_blocks(turned, seen_in_training(turned.ledger, iteration).trainable())
    assert trained.origin is not None
    data = hashlib.sha256()
    for block in blocks:
        for array in (block.image, block.labels, block.annotated):
            data.update(str(array.shape).encode() + array.tobytes())
    assert data.hexdigest() == trained.origin.data_sha256  # these blocks are what the training saw
    assert load_checkpoint(turned.folder.root / trained.checkpoint).provenance["data_sha256"] == data.hexdigest()
    shown = [np.flatnonzero(block.sections_annotated) for block in blocks]
    seen = np.concatenate([block.labels[found] for block, found in zip(blocks, shown, strict=True)])
    counted = np.concatenate([block.annotated[found] for block, found in zip(blocks, shown, strict=True)])
    assert labels[trained.sections].tobytes() == seen.tobytes()
    assert annotated[trained.sections].tobytes() == counted.astype(np.uint8).tobytes()


def test_replay_twice_gives_the_same_file(turned: Run, tmp_path: Path) -> None:
    for name in ("a.h5", "b.h5"):
        replay(turned.folder, 2, tmp_path / name)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_replay_refuses_what_was_tampered_with(turned: Run, tmp_path: Path) -> None:
    ledger = turned.ledger.path
    whole = ledger.read_text()
    lines = whole.splitlines(keepends=True)
    try:  # the answer to the tile is taken out of the record, as if there had been none
        ledger.write_text("".join(line for line in lines if '"annotation_id":12' not in line))
        with pytest.raises(InputError, match="cannot be rebuilt"):
            replay(open_run(turned.folder.root).folder, 2, tmp_path / "seen.h5")
    finally:
        ledger.write_text(whole)
    with pytest.raises(InputError, match="trained no model"):
        replay(turned.folder, 3, tmp_path / "seen.h5")


def test_labels_that_come_in_while_a_model_trains_are_for_the_next(tmp_path: Path, phantom: Path) -> None:
    run = init_run(tmp_path / "run", quick_config(phantom))
    train_model(run)
    path, digest = write_section(run.folder.labels, 8, run.labels.section(8))
    late = SectionLabelled(section=8, file=path.name, sha256=digest, correction=None)
    lines = run.ledger.path.read_text().splitlines(keepends=True)
    run.ledger.path.write_text("".join(lines[:-1]))  # as if the process had died before it recorded the training
    again = open_run(run.folder.root)
    again.ledger.append(late)
    train_model(again)
    trained = again.ledger.finished(Trained, 1)
    assert trained.sections == [0, 1, 2, 3]
    assert trained.sha256 == run.ledger.finished(Trained, 1).sha256
    replay(again.folder, 1, tmp_path / "seen.h5")


def test_a_model_knows_its_data_its_settings_and_its_parent(turned: Run) -> None:
    first, second = (turned.ledger.finished(Trained, number) for number in (1, 2))
    assert first.origin is not None
    assert second.origin is not None
    assert (first.origin.parent, second.origin.parent) == (None, 1)
    assert first.origin.labels_sha256 != second.origin.labels_sha256
    kept = turned.folder.iteration(1) / "proofloop.toml"
    assert hashlib.sha256(kept.read_bytes()).hexdigest() == first.origin.config_sha256
    provenance = load_checkpoint(turned.folder.root / second.checkpoint).provenance
    assert provenance["parent_sha256"] == first.sha256
    records = status_records(summarise(turned))
    assert records[1]["origin"]["parent"] == 1


def test_a_run_goes_back_to_its_first_model_and_forward_again(tmp_path: Path, turned: Run) -> None:
    before = turned.ledger.path.read_bytes()
    try:
        with pytest.raises(InputError, match=r"iteration 2[\s\S]*promoted one"):
            roll_back(turned, to=2)
        with pytest.raises(InputError, match="ever promoted"):
            roll_back(turned, to=5)
        assert position(turned.ledger) == Position(2, Stage.RANK)
        rank_pool(turned)
        assert turned.ledger.finished(Ranked, 2).predicted_in == 2
        event = roll_back(turned)
        assert (event.iteration, event.withdrawn) == (1, [2])
        promoted = promoted_model(turned)
        assert promoted is not None
        assert promoted.iteration == 1
        assert predictor_of(turned.folder.root, {}).checkpoint == turned.folder.root / promoted.checkpoint
        assert position(turned.ledger) == Position(2, Stage.RANK)  # the withdrawn model's choice does not count
        rank_pool(turned)
        assert turned.ledger.finished(Ranked, 2).predicted_in == 1
        assert turned.ledger.path.read_bytes().startswith(before)
        with pytest.raises(InputError, match="no earlier model"):
            roll_back(turned)
        assert [row["withdrawn"] for row in status_records(summarise(turned))] == [False, True]
    finally:
        turned.ledger.path.write_bytes(before)


def test_a_run_does_not_go_back_to_a_model_that_is_damaged(turned: Run) -> None:
    checkpoint = turned.folder.root / turned.ledger.finished(Trained, 1).checkpoint
    whole = checkpoint.read_bytes()
    try:
        checkpoint.write_bytes(whole[:-4] + b"\0\1\2\3")
        with pytest.raises(InputError, match="was changed"):
            roll_back(turned)
        checkpoint.unlink()
        with pytest.raises(InputError, match="no checkpoint"):
            roll_back(turned)
    finally:
        checkpoint.write_bytes(whole)


def test_drift_of_the_pool_is_measured_at_the_gate(turned: Run, tmp_path: Path, phantom: Path) -> None:
    gated = turned.ledger.finished(Gated, 2)
    assert gated.drift is not None
    assert gated.drift.looked_at == len(turned.unlabelled_pool())
    dark = tmp_path / "dark.h5"
    with h5py.File(phantom) as source, h5py.File(dark, "w") as file:
        image = source["raw"][:]
        image[5:11] = image[5:11] // 3
        file["raw"], file["labels"] = image, source["labels"][:]
    config = quick_config(dark)
    run = init_run(tmp_path / "run", config)
    drift = pool_drift(run, prediction_store(turned, 2))
    assert drift.alarm
    assert {found.section for found in drift.sections} >= set(range(5, 11))
    assert "grey" in drift.words


def test_a_training_is_not_begun_twice(turned: Run) -> None:
    assert learn(turned, 2, lambda *_: None).sha256 == turned.ledger.finished(Trained, 2).sha256
