from pathlib import Path

import h5py
import numpy as np
import pytest

from flows.config import RunConfig
from flows.initialise import init_run
from flows.learning import train_model
from flows.runs import Run, open_run
from flows.training_set import training_blocks
from loop.errors import HoldoutLeak
from loop.events import SectionLabelled
from loop.labels import write_section
from tests.flows.conftest import with_data


def test_context_reaches_around_labelled_sections_but_never_into_the_holdout(run: Run) -> None:
    path, digest = write_section(run.folder.labels, 10, run.labels.section(10))
    run.ledger.append(SectionLabelled(section=10, file=path.name, sha256=digest, correction=None))
    (block,) = training_blocks(run)
    assert block.image.shape[0] == 11
    assert block.sections_annotated.nonzero()[0].tolist() == [0, 1, 2, 3, 10]


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
