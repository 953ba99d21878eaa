from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from flows.config import DataConfig, RankingConfig, RunConfig, parse_voxel_size
from flows.initialise import init_run, plan
from flows.runs import Run, open_run
from loop.errors import InputError
from models.layout_unet3d import network_preset
from tests.flows.conftest import with_data


def test_a_new_run_keeps_its_dense_sections_and_freezes_its_holdout(run: Run) -> None:
    assert sorted(run.ledger.labelled()) == [0, 1, 2, 3]
    assert sorted(run.ledger.created().holdout_images) == [11, 12, 13]
    assert run.unlabelled_pool() == list(range(4, 11))


def test_a_run_opens_with_the_configuration_it_was_made_with(run: Run, quick: RunConfig) -> None:
    assert open_run(run.folder.root).config == quick


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"volume": "absent.h5:raw"}, "volume not found"),
        ({"train": "0:12"}, "train and holdout share 11:12"),
        ({"holdout": "11:15"}, "holdout does not fit the volume"),
        ({"train": "4"}, "train is not a range"),
        ({"pool": "3:5"}, "train and pool share 3:4"),
    ],
)
def test_bad_input_is_refused_and_leaves_nothing_behind(
    tmp_path: Path, quick: RunConfig, changes: dict[str, str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        init_run(tmp_path / "run", with_data(quick, **changes))
    assert list(tmp_path.iterdir()) == []


def test_labels_of_another_shape_are_refused(tmp_path: Path, quick: RunConfig) -> None:
    with h5py.File(tmp_path / "l.h5", "w") as file:
        file["labels"] = np.ones((14, 95, 96), dtype=np.uint16)
    with pytest.raises(InputError, match=r"differ in shape"):
        init_run(tmp_path / "run", with_data(quick, labels=f"{tmp_path}/l.h5:labels"))


def test_all_zero_labels_are_refused_by_section(tmp_path: Path, phantom: Path, quick: RunConfig) -> None:
    with h5py.File(phantom) as source, h5py.File(tmp_path / "l.h5", "w") as file:
        labels = source["labels"][:]
        labels[12] = 0
        file["labels"] = labels
    with pytest.raises(InputError, match="holdout sections hold no label"):
        init_run(tmp_path / "run", with_data(quick, labels=f"{tmp_path}/l.h5:labels"))


def test_an_existing_run_is_left_untouched(run: Run, quick: RunConfig) -> None:
    before = {path: path.read_bytes() for path in run.folder.root.rglob("*") if path.is_file()}
    with pytest.raises(InputError, match="exists already"):
        init_run(run.folder.root, quick)
    assert before == {path: path.read_bytes() for path in run.folder.root.rglob("*") if path.is_file()}


def test_every_unknown_key_of_a_configuration_is_named_at_once(run: Run) -> None:
    path = run.folder.config
    path.write_text(path.read_text() + "\n[ranking2]\nx = 1\n\n[seeding2]\ny = 2\n")
    with pytest.raises(InputError, match=r"ranking2[\s\S]*seeding2"):
        open_run(run.folder.root)


def test_a_configuration_that_is_not_toml_is_refused(run: Run) -> None:
    run.folder.config.write_text("= =")
    with pytest.raises(InputError, match="not TOML"):
        open_run(run.folder.root)


def test_a_volume_without_room_for_a_pool_is_refused(phantom: Path) -> None:
    data = DataConfig(volume=f"{phantom}:raw", labels=f"{phantom}:labels", train="0:7", holdout="7:14")
    with pytest.raises(InputError, match="no section is left"):
        plan(data)


def test_the_full_preset_brings_the_predecessors_network(quick: RunConfig) -> None:
    assert plan(quick.data, preset="full").training.network == network_preset("full")


def test_a_folder_of_sections_serves_as_volume_with_its_voxel_size_given(tmp_path: Path, phantom: Path) -> None:
    folder = tmp_path / "sections"
    folder.mkdir()
    with h5py.File(phantom) as source:
        for z, section in enumerate(source["raw"]):
            Image.fromarray(section).save(folder / f"section_{z}.png")
    data = DataConfig(
        volume=str(folder),
        labels=f"{phantom}:labels",
        train="0:4",
        holdout="11:14",
        voxel_size_nm_zyx=parse_voxel_size("40,8,8"),
    )
    made = init_run(tmp_path / "run", plan(data))
    assert made.config.data.voxel_size_nm_zyx == (40.0, 8.0, 8.0)
    assert open_run(tmp_path / "run").image.shape == (14, 96, 96)


@pytest.mark.parametrize("text", ["30,12", "a,b,c", "30,12,0", "30,12,nan"])
def test_a_voxel_size_that_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="voxel size"):
        parse_voxel_size(text)


@pytest.mark.parametrize(("side", "patch_px"), [(300, 256), (100, 96), (15, 0)])
def test_patches_are_no_larger_than_small_sections(tmp_path: Path, side: int, patch_px: int) -> None:
    path = tmp_path / "small.h5"
    with h5py.File(path, "w") as file:
        file["raw"], file["labels"] = np.zeros((4, side, 400), np.uint8), np.ones((4, side, 400), np.uint16)
    data = DataConfig(volume=f"{path}:raw", labels=f"{path}:labels", train="0:1", holdout="3:4")
    if patch_px:
        assert plan(data).training.patch_px == patch_px
    else:
        with pytest.raises(InputError, match="too small for the network"):
            plan(data)


def test_large_sections_are_asked_for_in_tiles(tmp_path: Path) -> None:
    for side, unit in ((1024, "section"), (1025, "tile")):
        path = tmp_path / f"{side}.h5"
        with h5py.File(path, "w") as file:
            file["raw"], file["labels"] = np.zeros((4, 64, side), np.uint8), np.ones((4, 64, side), np.uint16)
        data = DataConfig(volume=f"{path}:raw", labels=f"{path}:labels", train="0:1", holdout="3:4")
        assert plan(data).ranking.unit == unit


def test_the_old_name_of_the_budget_is_still_read() -> None:
    assert RankingConfig.model_validate({"sections_per_iteration": 3}).tasks_per_iteration == 3
