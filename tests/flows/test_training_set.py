from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # type: ignore[import-untyped]

from flows.config import FurtherVolume, RunConfig, read_config, write_config
from flows.initialise import init_run
from flows.learning import train_model
from flows.runs import Run, open_run
from flows.training_set import training_blocks, validation_blocks
from loop.answer_events import SectionLabelled
from loop.errors import HoldoutLeak, InputError
from loop.events import Trained
from loop.labels import write_section
from tests.flows.conftest import with_data


def test_context_reaches_around_labelled_sections_but_never_into_the_holdout(run: Run) -> None:
    path, digest = write_section(run.folder.labels, 10, run.labels.section(10))
    run.ledger.append(SectionLabelled(section=10, file=path.name, sha256=digest, correction=None))
    # one section of context, as the cpu preset needs it
    first, last = training_blocks(run)
    assert first.sections_annotated.tolist() == [True] * 4 + [False]
    assert last.sections_annotated.tolist() == [False, True]
    np.testing.assert_array_equal(last.image, run.image.sections(9, 11))


def test_context_is_as_deep_as_the_patch(run: Run) -> None:
    training = run.config.training.model_copy(update={"patch_sections": 5})
    deep = replace(run, config=run.config.model_copy(update={"training": training}))
    (block,) = training_blocks(deep)
    assert block.sections_annotated.tolist() == [True] * 4 + [False] * 5


def test_validation_sections_measure_and_are_not_learnt_from(run: Run) -> None:
    truth = run.labels.sections(0, 4)
    for asked, kept, aside in (("50%", [0, 1], [2, 3]), ("1:2,5:9", [0, 2, 3], [1])):
        chosen = _with_data(run, validation=asked)
        for blocks, expected in ((training_blocks(chosen), kept), (validation_blocks(chosen), aside)):
            found = np.concatenate([block.labels[block.sections_annotated] for block in blocks])
            np.testing.assert_array_equal(found, truth[expected])
    assert validation_blocks(run) == []


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("10:12", "ranges of sections overlap"),
        ("5:7", "no section for validation is labelled"),
        ("100%", "share for validation"),
        ("some%", "share for validation"),
        ("4-5", "not a range"),
    ],
)
def test_unusable_validation_sections_are_refused(run: Run, asked: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        validation_blocks(_with_data(run, validation=asked))


def test_a_run_stops_early_by_its_validation_sections(run: Run) -> None:
    config = run.folder.config
    changed = (
        config.read_text().replace('validation = ""', 'validation = "25%"').replace("patience = 0", "patience = 1")
    )
    changed = changed.replace("validate_every = 100", "validate_every = 1").replace("steps = 8\n", "steps = 300\n")
    config.write_text(changed.replace("learning_rate = 0.004", "learning_rate = 3.0"))
    train_model(open_run(run.folder.root))
    read = EventAccumulator(str(run.folder.iteration(1) / "tensorboard")).Reload()
    assert 0 < len(read.Scalars("validation/loss")) < 300
    assert run.ledger.finished(Trained, 1).sections == [0, 1, 2]
    assert "validation/EM, truth, prediction" in read.Tags()["images"]


def test_further_volumes_are_learnt_from_where_they_are_annotated(run: Run, tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (5, 70, 80), dtype=np.uint8)
    labels, marks = np.full(image.shape, 2**40, np.uint64), np.zeros(image.shape, np.uint8)
    labels[2] = 0
    marks[3:, :40] = 1
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["raw"], file["labels"], file["marks"] = image, labels, marks
    pair = {"volume": f"{tmp_path}/b.h5:raw", "labels": f"{tmp_path}/b.h5:labels"}
    whole, part = FurtherVolume(**pair), FurtherVolume(**pair, sections="0:4", annotated=f"{tmp_path}/b.h5:marks")
    own, first, last = training_blocks(_with_data(run, further=(whole, part)))
    assert own.sections_annotated.sum() == 4
    assert first.sections_annotated.tolist() == [True, True, False, True, True]
    np.testing.assert_array_equal(first.labels, labels)
    assert last.annotated.sum() == 40 * 80
    np.testing.assert_array_equal(last.image, image[2:])
    with pytest.raises(InputError, match="nothing to learn"):
        training_blocks(_with_data(run, further=(FurtherVolume(**pair, sections="2:3"),)))


def test_the_hold_out_does_not_come_back_by_a_further_volume(run: Run) -> None:
    again = FurtherVolume(volume=run.config.data.volume, labels=run.config.data.labels, sections="10:11")
    with pytest.raises(HoldoutLeak, match="hold-out section 11"):
        training_blocks(_with_data(run, further=(again,)))


def test_a_training_set_beyond_memory_is_the_same_and_leaves_no_file(run: Run) -> None:
    before = sorted(run.folder.root.iterdir())
    small, large = training_blocks(run, in_memory_bytes=0), training_blocks(run)
    for one, other in zip(small, large, strict=True):
        assert isinstance(one.image, np.memmap)
        for name in ("image", "labels", "annotated"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert sorted(run.folder.root.iterdir()) == before


def test_further_volumes_survive_the_configuration_file(run: Run, tmp_path: Path) -> None:
    further = (FurtherVolume(volume="a:raw", labels="a:labels"), FurtherVolume(volume="b", labels="c", sections="0:3"))
    config = _with_data(run, further=further).config
    write_config(tmp_path / "proofloop.toml", config)
    assert read_config(tmp_path / "proofloop.toml") == config


def _with_data(run: Run, **changes: object) -> Run:
    return replace(run, config=run.config.model_copy(update={"data": run.config.data.model_copy(update=changes)}))


def test_pixels_of_which_the_annotator_was_unsure_do_not_count_in_training(run: Run) -> None:
    counted = np.ones(run.image.shape[1:], dtype=bool)
    counted[5:9, 5:9] = False
    path, digest = write_section(run.folder.labels, 6, run.labels.section(6), counted=counted)
    run.ledger.append(SectionLabelled(section=6, file=path.name, sha256=digest, correction=None))
    (block,) = training_blocks(run)
    assert block.annotated[6].tolist() == counted.tolist()


def test_labelling_a_holdout_section_does_not_bring_it_into_training(run: Run) -> None:
    path, digest = write_section(run.folder.labels, 12, run.labels.section(12))
    run.ledger.append(SectionLabelled(section=12, file=path.name, sha256=digest, correction=None))
    with pytest.raises(HoldoutLeak, match="hold-out section 12"):
        train_model(run)


def test_moving_the_holdout_in_the_configuration_does_not_bring_it_into_training(run: Run) -> None:
    config = run.folder.config
    config.write_text(config.read_text().replace('"11:14"', '"12:14"').replace('"4:11"', '"4:12"'))
    moved = open_run(run.folder.root)
    path, digest = write_section(moved.folder.labels, 11, moved.labels.section(11))
    moved.ledger.append(SectionLabelled(section=11, file=path.name, sha256=digest, correction=None))
    with pytest.raises(HoldoutLeak, match="hold-out section 11"):
        train_model(moved)


def test_a_copy_of_a_holdout_section_under_another_index_is_found(
    tmp_path: Path, phantom: Path, quick: RunConfig
) -> None:
    with h5py.File(phantom) as source, h5py.File(tmp_path / "cheat.h5", "w") as file:
        image = source["raw"][:]
        image[2] = image[13]
        file["raw"], file["labels"] = image, source["labels"][:]
    cheat = with_data(quick, volume=f"{tmp_path}/cheat.h5:raw", labels=f"{tmp_path}/cheat.h5:labels")
    with pytest.raises(HoldoutLeak, match="hold-out section 13"):
        init_run(tmp_path / "run", cheat)
    assert not (tmp_path / "run").exists()
