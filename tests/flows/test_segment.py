import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
import zarr
from numpy.typing import NDArray
from torch import nn

from flows.learning import evaluate_model, gate_model, predict_sections, prediction_store, train_model
from flows.predicting import Predictor, predict_into
from flows.predictor import predictor_of
from flows.runs import Run
from flows.segment import segment
from loop.errors import InputError
from loop.holding import FolderHeld, held_beside
from loop.predictions import PredictionStore
from loop.volume import open_image, open_volume
from models.checkpoint import Checkpoint, save_checkpoint
from models.layouts import architecture
from models.names import ModelName
from models.prediction_config import PredictionConfig
from models.registry import build
from tracing.seeding import SeedingConfig, objects_of_membrane

EXACT = PredictionConfig(variants=1, precision="float32", block_sections=2)
VOXELS = np.random.default_rng(5).integers(0, 256, (6, 40, 48), dtype=np.uint8)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("net") / "net.safetensors", "cpu", seed=1)


def write_checkpoint(path: Path, name: ModelName, *, seed: int) -> Path:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = build(architecture(name).layout)
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d):
                module.momentum = 1.0
        network(torch.rand(1, 1, 8 + 2 * network.config.context_sections, 64, 64))  # or fresh weights give 0 everywhere
    save_checkpoint(path, Checkpoint(architecture(name).layout, network.state_dict(), provenance={}))
    return path


@pytest.fixture
def volume(tmp_path: Path) -> str:
    return write_volume(tmp_path / "v.h5", VOXELS)


def write_volume(path: Path, voxels: NDArray[np.uint8]) -> str:
    with h5py.File(path, "w") as file:
        file["raw"] = voxels
        file["raw"].attrs["voxel_size_nm_zyx"] = (30.0, 12.0, 12.0)
    return f"{path}:raw"


def stored(path: Path, name: str = "membrane") -> NDArray[np.uint8]:
    opened = open_volume(f"{path}:{name}")
    return opened.sections(0, opened.shape[0])


class Killed(BaseException):
    """What ends a process without a chance to tidy up, as far as Python can tell."""


def killed_after(sections: int, volume: str, predictor: Predictor, out: Path) -> None:
    def kill(done: int, total: int, note: str = "") -> None:
        if sections < done < total:
            raise Killed

    with pytest.raises(Killed):
        segment(volume, predictor, out, progress=kill)


@pytest.mark.parametrize("kept", ["float32", "bfloat16"])
def test_a_prediction_goes_on_in_the_precision_it_began_with(
    tmp_path: Path, checkpoint: Path, volume: str, kept: str
) -> None:
    def begun(precision: str) -> Predictor:
        config = EXACT.model_copy(update={"precision": precision})
        return Predictor(checkpoint, config)

    whole = segment(volume, begun(kept), tmp_path / "whole.zarr")
    killed_after(2, volume, begun(kept), tmp_path / "out.zarr")
    other = "float32" if kept == "bfloat16" else "bfloat16"
    assert 0 < segment(volume, begun(other), tmp_path / "out.zarr").sections_predicted < whole.sections_predicted
    np.testing.assert_array_equal(stored(tmp_path / "out.zarr"), stored(tmp_path / "whole.zarr"))
    assert PredictionStore(tmp_path / "out.zarr").precision == kept


def test_the_precision_that_auto_chose_is_kept(tmp_path: Path, checkpoint: Path, volume: str) -> None:
    segment(volume, Predictor(checkpoint, EXACT.model_copy(update={"precision": "auto"})), tmp_path / "out.zarr")
    assert PredictionStore(tmp_path / "out.zarr").precision in {"float32", "bfloat16"}


def test_it_gives_what_the_loops_own_prediction_gives(run: Run, tmp_path: Path) -> None:
    train_model(run)
    settings = run.config.prediction.model_copy(update={"precision": "float32"})
    config = run.config.model_copy(update={"prediction": settings})
    loops = Run(run.folder, config, run.image, run.labels, run.sections)
    predict_sections(loops)
    evaluate_model(loops)
    gate_model(loops)
    by_run = predictor_of(run.folder.root, {"precision": "float32"})
    assert by_run.config == settings
    segment(run.config.data.volume, by_run, tmp_path / "m.zarr", sections="4:14")
    own = stored(prediction_store(loops, 1).path)
    assert own[4:].std() > 0
    np.testing.assert_array_equal(stored(tmp_path / "m.zarr"), own)


@pytest.mark.parametrize("name", ["full", "linknet34"])
def test_3d_and_2d_networks_predict_alike(name: ModelName, volume: str, tmp_path: Path) -> None:
    predictor = Predictor(write_checkpoint(tmp_path / "n.safetensors", name, seed=2), EXACT)
    done = segment(volume, predictor, tmp_path / "m.zarr", sections="2:4")
    assert done.sections_predicted == 2
    assert np.ptp(stored(tmp_path / "m.zarr")[2:4]) > 10


def test_the_datasets_are_those_of_the_contract(volume: str, checkpoint: Path, tmp_path: Path) -> None:
    predictor = Predictor(checkpoint, EXACT.model_copy(update={"variants": 4}), SeedingConfig())
    done = segment(volume, predictor, tmp_path / "m.zarr")
    assert done.arrays == ["membrane", "variance", "labels"]
    group: Any = zarr.open_group(tmp_path / "m.zarr", mode="r")
    kinds = {name: (group[name].dtype.name, group[name].chunks) for name in done.arrays}
    one = (1, 40, 48)
    assert kinds == {"membrane": ("uint8", one), "variance": ("float16", one), "labels": ("uint32", one)}
    for name in done.arrays:
        assert open_volume(f"{tmp_path}/m.zarr:{name}").voxel_size_nm_zyx == (30.0, 12.0, 12.0)


def test_labels_are_the_objects_of_the_stored_membrane(volume: str, checkpoint: Path, tmp_path: Path) -> None:
    segment(volume, Predictor(checkpoint, EXACT, SeedingConfig()), tmp_path / "m.zarr")
    membrane, labels = stored(tmp_path / "m.zarr"), stored(tmp_path / "m.zarr", "labels")
    for section, objects in zip(membrane, labels, strict=True):
        np.testing.assert_array_equal(objects, objects_of_membrane(section.astype(np.float32) / np.float32(255)))


@pytest.mark.parametrize("suffix", [".h5", ".hdf5"])
def test_hdf5_holds_what_zarr_holds(suffix: str, volume: str, checkpoint: Path, tmp_path: Path) -> None:
    predictor = Predictor(checkpoint, EXACT.model_copy(update={"variants": 4}), SeedingConfig())
    for out in (tmp_path / "m.zarr", tmp_path / f"m{suffix}"):
        done = segment(volume, predictor, out, sections="1:4")
    for name in done.arrays:
        np.testing.assert_array_equal(stored(tmp_path / f"m{suffix}", name), stored(tmp_path / "m.zarr", name))
    assert open_volume(f"{tmp_path}/m{suffix}:membrane").voxel_size_nm_zyx == (30.0, 12.0, 12.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"m{suffix}", "m.zarr", "v.h5"]


def test_sections_that_were_not_asked_for_stay_0_and_are_told_apart(
    volume: str, checkpoint: Path, tmp_path: Path
) -> None:
    segment(volume, Predictor(checkpoint, EXACT), tmp_path / "m.zarr", sections="1:2,4:5")
    assert stored(tmp_path / "m.zarr").any(axis=(1, 2)).tolist() == [False, True, False, False, True, False]
    predicted = zarr.open_group(tmp_path / "m.zarr", mode="r")["predicted"]
    assert np.asarray(predicted).tolist() == [0, 1, 0, 0, 1, 0]


@pytest.mark.parametrize("suffix", [".zarr", ".h5"])
def test_a_killed_prediction_goes_on_and_ends_as_an_unbroken_one(
    suffix: str, volume: str, checkpoint: Path, tmp_path: Path
) -> None:
    predictor = Predictor(checkpoint, EXACT)
    killed_after(2, volume, predictor, tmp_path / f"m{suffix}")
    assert not (tmp_path / f"m{suffix}").exists()
    done = segment(volume, predictor, tmp_path / f"m{suffix}")
    segment(volume, predictor, tmp_path / "unbroken.zarr")
    assert 0 < done.sections_predicted < 6
    np.testing.assert_array_equal(stored(tmp_path / f"m{suffix}"), stored(tmp_path / "unbroken.zarr"))


def test_what_is_there_can_be_read_while_the_rest_is_made(volume: str, checkpoint: Path, tmp_path: Path) -> None:
    killed_after(2, volume, Predictor(checkpoint, EXACT), tmp_path / "m.h5")
    assert stored(tmp_path / "m.h5.unfinished").any(axis=(1, 2)).tolist() == [True, True, False, False, False, False]


def test_a_finished_prediction_is_not_made_again(volume: str, checkpoint: Path, tmp_path: Path) -> None:
    segment(volume, Predictor(checkpoint, EXACT), tmp_path / "m.h5")
    written = (tmp_path / "m.h5").stat().st_mtime_ns
    assert segment(volume, Predictor(checkpoint, EXACT), tmp_path / "m.h5").sections_predicted == 0
    assert (tmp_path / "m.h5").stat().st_mtime_ns == written


@pytest.mark.parametrize("finished", [True, False])
def test_another_model_volume_or_setting_is_refused_by_name(
    finished: bool, volume: str, checkpoint: Path, tmp_path: Path
) -> None:
    out, predictor = tmp_path / "m.zarr", Predictor(checkpoint, EXACT)
    if finished:
        segment(volume, predictor, out)
    else:
        killed_after(2, volume, predictor, out)
    other = write_checkpoint(tmp_path / "other.safetensors", "cpu", seed=2)
    with pytest.raises(InputError, match=r"checkpoint_sha256 .*, now "):
        segment(volume, Predictor(other, EXACT), out)
    with pytest.raises(InputError, match=r"volume_sha256 .*, now "):
        segment(write_volume(tmp_path / "w.h5", VOXELS[::-1]), predictor, out)
    with pytest.raises(InputError, match="views 1, now 16"):
        segment(volume, Predictor(checkpoint, EXACT.model_copy(update={"variants": 16})), out)
    with pytest.raises(InputError, match="sections '0:6', now '0:3'"):
        segment(volume, predictor, out, sections="0:3")


def test_the_volume_may_move_and_change_its_format(volume: str, checkpoint: Path, tmp_path: Path) -> None:
    segment(volume, Predictor(checkpoint, EXACT), tmp_path / "m.zarr")
    zarr.create_array(tmp_path / "moved.zarr", data=VOXELS)
    assert segment(str(tmp_path / "moved.zarr"), Predictor(checkpoint, EXACT), tmp_path / "m.zarr").seconds > 0


def test_a_file_of_somebody_else_is_not_written_over(volume: str, checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="something that proofloop segment did not write"):
        segment(volume, Predictor(checkpoint, EXACT), tmp_path / "v.h5")
    assert open_image(volume).section(0)[0, 0] == VOXELS[0, 0, 0]


def test_two_processes_do_not_write_one_prediction(volume: str, checkpoint: Path, tmp_path: Path) -> None:
    killed_after(2, volume, Predictor(checkpoint, EXACT), tmp_path / "m.zarr")
    with held_beside(tmp_path / "m.zarr.unfinished"), pytest.raises(FolderHeld, match=f"process {os.getpid()} on"):
        segment(volume, Predictor(checkpoint, EXACT), tmp_path / "m.zarr")
    segment(volume, Predictor(checkpoint, EXACT), tmp_path / "m.zarr")
    assert sorted(path.name for path in tmp_path.glob("*.held")) == []


def test_a_format_that_is_not_written_is_refused_before_any_work(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"ends in \.zarr, \.h5, \.hdf5"):
        segment("absent", Predictor(checkpoint, EXACT), tmp_path / "m.tif")


def test_a_run_without_a_promoted_model_is_refused(run: Run) -> None:
    with pytest.raises(InputError, match="promoted no model yet"):
        predictor_of(run.folder.root, {})


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no model here"):
        predictor_of(tmp_path, {})


def test_an_impossible_number_of_views_is_refused(checkpoint: Path) -> None:
    with pytest.raises(InputError, match="variants = 3"):
        predictor_of(checkpoint, {"variants": 3})


def test_the_progress_ends_at_all_sections(volume: str, checkpoint: Path, tmp_path: Path) -> None:
    heard: list[tuple[int, int, str]] = []
    store = PredictionStore.create(tmp_path / "p.zarr", shape=(6, 40, 48), voxel_size_nm_zyx=None)
    predict_into(
        store,
        Predictor(checkpoint, EXACT),
        open_image(volume),
        sections=range(6),
        progress=lambda done, total, note="": heard.append((done, total, note)),
    )
    assert (heard[0][:2], heard[-1][:2]) == ((0, 6), (6, 6))
    assert [done for done, _, _ in heard] == sorted(done for done, _, _ in heard)
    assert "Mvoxel/s" in heard[1][2]


def test_the_command_prints_what_it_did(volume: str, checkpoint: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "flows.cli", "segment", volume, "--model", str(checkpoint), "--json"]
    command += ["-o", str(tmp_path / "m.zarr"), "--sections", "0:2", "--views", "1"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode == 0, result.stderr
    said = json.loads(result.stdout)
    assert (said["shape"], said["sections_predicted"], said["made_from"]["views"]) == ([6, 40, 48], 2, 1)
    assert said["voxels_per_second"] > 0
