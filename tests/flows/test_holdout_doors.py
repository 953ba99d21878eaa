"""Every way in which a hold-out section, or a neighbour within its gap, could be smuggled into a training set."""

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from flows.config import FurtherVolume, RunConfig
from flows.initialise import init_run, plan
from flows.runs import Run, open_run
from flows.training_set import training_blocks, validation_blocks
from loop.answer_events import SectionLabelled
from loop.errors import HoldoutLeak, InputError
from loop.labels import section_hash, write_section
from loop.places import Tile
from models.dataset import TrainingBlock
from tests.flows.conftest import with_data


@pytest.fixture
def gapped(tmp_path: Path, quick: RunConfig) -> Run:
    """A run whose hold-out 11:14 has a gap of two sections."""
    return init_run(tmp_path / "gapped", with_data(quick, pool="4:9", holdout_gap=2))


def label(run: Run, z: int, tile: Tile | None = None) -> None:
    counted = np.zeros(run.image.shape[1:], dtype=bool)
    counted[tile.window if tile else np.s_[:, :]] = True
    path, digest = write_section(run.folder.labels, z, run.labels.section(z), counted=counted)
    run.ledger.append(SectionLabelled(section=z, file=path.name, sha256=digest, tile=tile, correction=None))


def shown(blocks: list[TrainingBlock]) -> set[str]:
    """Hashes of every section image that a training sees, labelled or as context."""
    return {section_hash(image) for block in blocks for image in block.image}


def hashes(run: Run, *sections: int) -> set[str]:
    return {section_hash(run.image.section(z)) for z in sections}


def deep(run: Run) -> Run:
    """The same run with patches of five sections, which look four beyond a labelled one, and one of context."""
    training = run.config.training.model_copy(update={"patch_sections": 5})
    return replace(run, config=run.config.model_copy(update={"training": training}))


def test_a_tile_of_a_holdout_section_is_refused(run: Run) -> None:
    label(run, 12, Tile(8, 8, 32, 32))
    with pytest.raises(HoldoutLeak, match="hold-out section 12"):
        training_blocks(run)


def test_context_of_a_section_beside_the_holdout_stops_before_it(run: Run) -> None:
    label(run, 10)
    for asked in (run, deep(run)):
        assert shown(training_blocks(asked)).isdisjoint(hashes(run, 11, 12, 13))


def test_a_further_volume_that_has_a_holdout_section_as_mere_context_is_refused(run: Run, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["raw"] = np.stack([run.image.section(z) for z in (5, 6, 13)])
        file["labels"] = np.stack([run.labels.section(5), run.labels.section(6), 0 * run.labels.section(6)])
    again = FurtherVolume(volume=f"{tmp_path}/other.h5:raw", labels=f"{tmp_path}/other.h5:labels")
    data = run.config.data.model_copy(update={"further": (again,)})
    with pytest.raises(HoldoutLeak, match="hold-out section 13"):
        training_blocks(replace(run, config=run.config.model_copy(update={"data": data})))


def test_validation_does_not_show_a_holdout_section_either(run: Run) -> None:
    label(run, 10)
    data = run.config.data.model_copy(update={"validation": "10:11"})
    measuring = deep(replace(run, config=run.config.model_copy(update={"data": data})))
    assert shown(validation_blocks(measuring)).isdisjoint(hashes(run, 11, 12, 13))
    assert shown(training_blocks(measuring)).isdisjoint(hashes(run, 11, 12, 13))


def test_a_label_within_the_gap_is_refused_whatever_the_configuration_says_later(gapped: Run) -> None:
    config = gapped.folder.config
    config.write_text(config.read_text().replace("holdout_gap = 2", "holdout_gap = 0").replace('"4:9"', '"4:11"'))
    opened = open_run(gapped.folder.root)
    label(opened, 9)
    with pytest.raises(HoldoutLeak, match=r"sections 9:10, of which a hold-out section is at most 2 away"):
        training_blocks(opened)


def test_sections_within_the_gap_are_not_shown_as_context_either(gapped: Run) -> None:
    label(gapped, 8)
    for asked in (gapped, deep(gapped)):
        assert shown(training_blocks(asked)).isdisjoint(hashes(gapped, 9, 10, 11, 12, 13))
    assert hashes(gapped, 8) <= shown(training_blocks(gapped))


@pytest.mark.parametrize("changes", [{"pool": "4:10"}, {"train": "0:4,9:10", "pool": "4:8"}])
def test_init_refuses_sections_within_the_gap(tmp_path: Path, quick: RunConfig, changes: dict[str, str]) -> None:
    with pytest.raises(InputError, match="too near to the hold-out"):
        init_run(tmp_path / "run", with_data(quick, holdout_gap=2, **changes))
    assert list(tmp_path.iterdir()) == []


def test_a_pool_that_init_chooses_keeps_the_gap(quick: RunConfig) -> None:
    data = quick.data.model_copy(update={"pool": "", "holdout": "9:11", "holdout_gap": 2})
    assert plan(data).data.pool == "4:7,13:14"
