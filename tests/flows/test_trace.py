import csv
import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from flows.cli import app
from flows.config import TracingConfig
from flows.trace.alignment import align_sections
from flows.trace.job import TraceInputs, TraceSettings
from flows.trace.linking import link_sections
from flows.trace.objects import find_objects
from flows.trace.stages import trace
from flows.trace.work import unfinished
from loop.contingency import contingency
from loop.errors import InputError
from loop.metrics_partition import partition_scores
from loop.progress import Progress, silent
from loop.volume import open_labels, open_volume
from tests.flows.test_segment import write_checkpoint
from tests.tracing.stacks import moved, seen, tiling
from tracing.postprocess import PostprocessConfig

CELLS = tiling()
STACK = np.stack([CELLS, moved(CELLS, 3, 1), moved(CELLS, 25, -14), moved(CELLS, 26, -14)])


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    images = np.stack([seen(section, seed=z) for z, section in enumerate(STACK)])
    return write(tmp_path / "v.h5", raw=images, membrane=np.where(STACK > 0, 0, 255).astype(np.uint8), truth=STACK)


def write(path: Path, *, sized: bool = True, **datasets: NDArray[Any]) -> Path:
    with h5py.File(path, "w") as file:
        for name, voxels in datasets.items():
            file[name] = voxels
            if sized:
                file[name].attrs["voxel_size_nm_zyx"] = (30.0, 12.0, 12.0)
    return path


def inputs_of(stored: Path, **more: Any) -> TraceInputs:
    return TraceInputs(image=f"{stored}:raw", membrane=f"{stored}:membrane", **more)


def run(
    stored: Path,
    out: Path,
    *,
    tracing: TracingConfig | None = None,
    block: int | None = None,
    progress: Progress = silent,
    **more: Any,
) -> NDArray[Any]:
    settings = TraceSettings(tracing or TracingConfig(), out.parent / "cache", block)
    trace(inputs_of(stored, **more), out, settings, progress=progress)
    labels = open_labels(out)
    return labels.sections(0, labels.shape[0])


def interrupted_at(units: int) -> Progress:
    def listen(done: int, total: int, note: str = "") -> None:
        if done == units:
            raise KeyboardInterrupt

    return listen


@pytest.mark.parametrize("name", ["axons.h5", "axons.zarr"])
def test_axons_are_followed_through_shifts_from_the_membrane_alone(stored: Path, tmp_path: Path, name: str) -> None:
    scores = partition_scores(contingency(run(stored, tmp_path / name), STACK))
    assert scores.voi_merge < 0.15
    assert scores.voi_split < 0.15
    assert open_labels(tmp_path / name).voxel_size_nm_zyx == (30, 12, 12)
    assert not (tmp_path / f"{name}.unfinished").exists()


def test_the_table_of_axons_agrees_with_the_labels(stored: Path, tmp_path: Path) -> None:
    labels = run(stored, tmp_path / "axons.h5")
    with (tmp_path / "axons.axons.csv").open(newline="") as stream:
        rows = {int(row["axon"]): row for row in csv.DictReader(stream)}
    assert set(rows) == set(np.unique(labels[labels > 0]).tolist())
    for one, row in rows.items():
        present = np.flatnonzero((labels == one).any(axis=(1, 2)))
        assert (int(row["sections"]), int(row["first"]), int(row["last"])) == (len(present), present[0], present[-1])
        assert float(row["volume_um3"]) == pytest.approx((labels == one).sum() * 30 * 12 * 12 / 1e9, abs=1e-4)
    lengths = [float(row["length_um"]) for row in rows.values()]
    assert lengths == sorted(lengths, reverse=True)
    assert (tmp_path / "axons.links.csv").exists()


@pytest.mark.parametrize("stopped_at", [1, 5, 9, 12, 14, 16])
def test_what_is_interrupted_leaves_no_labels_and_goes_on_to_the_same(
    stored: Path, tmp_path: Path, stopped_at: int
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(stored, tmp_path / "axons.h5", block=1, progress=interrupted_at(stopped_at))
    assert not (tmp_path / "axons.h5").exists()
    heard: list[int] = []
    labels = run(stored, tmp_path / "axons.h5", block=1, progress=lambda done, _total, _note="": heard.append(done))
    assert heard[0] == min(stopped_at, 12)
    assert stopped_at in heard
    assert (labels == run(stored, tmp_path / "other.h5")).all()


@pytest.mark.parametrize("waiting", [1, 3, 4])
def test_who_links_goes_on_with_the_blocks_that_wait_and_links_them_alike(
    stored: Path, tmp_path: Path, waiting: int
) -> None:
    settings = TraceSettings(TracingConfig(), tmp_path / "cache", block_sections=1)
    with unfinished(tmp_path / "axons.h5", inputs_of(stored), settings) as work:
        job, store = work.opened()
        for prepare in (find_objects, align_sections):
            for block in job.blocks()[:waiting]:
                prepare(work, block)
        link_sections(work, 0)
        linked = [store.path(block, "links.npz").exists() for block in job.blocks()]
    assert linked == [True] * waiting + [False] * (4 - waiting)
    assert (run(stored, tmp_path / "axons.h5", block=1) == run(stored, tmp_path / "other.h5")).all()


def test_an_unfinished_trace_with_other_settings_is_not_gone_on_with(stored: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(stored, tmp_path / "axons.h5", block=1, progress=interrupted_at(2))
    with pytest.raises(InputError, match="unfinished trace from something else"):
        run(stored, tmp_path / "axons.h5", tracing=TracingConfig(postprocess=PostprocessConfig(speck_px=5)))


def test_sections_outside_of_the_stretch_stay_empty_and_keep_their_z(stored: Path, tmp_path: Path) -> None:
    labels = run(stored, tmp_path / "axons.h5", sections="1:3")
    assert labels.shape == STACK.shape
    assert labels[1].all()
    assert not labels[[0, 3]].any()


def test_seeds_set_by_hand_part_what_the_membrane_leaves_together(tmp_path: Path) -> None:
    walls = np.zeros((3, 40, 60), np.uint8)
    walls[[0, 2], :, 30] = 255  # the wall is missing in the middle section
    walls[:, :, 0] = 255
    image = np.stack([seen(np.where(walls[0] > 0, 0, 1), seed=z) for z in range(3)])
    stored = write(tmp_path / "v.h5", raw=image, membrane=walls)
    seeds = tmp_path / "seeds.csv"
    seeds.write_text(
        "z,y,x,track\n" + "".join(f"{z},20,{x},{name}\n" for z in range(3) for x, name in ((8, "a"), (52, "b")))
    )
    assert len(np.unique(run(stored, tmp_path / "merged.h5")[1])) == 1
    labels = run(stored, tmp_path / "axons.h5", anchors=seeds)
    assert (run(stored, tmp_path / "clicked.h5", anchors=clicked(tmp_path / "seeds.json")) == labels).all()
    assert len({int(labels[z, 20, 8]) for z in range(3)}) == 1
    assert len({int(labels[z, 20, 52]) for z in range(3)}) == 1
    assert labels[1, 20, 8] != labels[1, 20, 52]


def clicked(path: Path) -> Path:
    """Write the same seeds as Label Studio exports key points, each in the middle of its pixel."""
    tasks = []
    for z in range(3):
        points = [
            {"type": "keypointlabels", "value": {"x": 100 * (x + 0.5) / 60, "y": 51.25, "keypointlabels": [name]}}
            for x, name in ((8, "a"), (52, "b"))
        ]
        tasks.append({"id": z, "data": {"z": z}, "annotations": [{"id": 1, "result": points}]})
    path.write_text(json.dumps(tasks))
    return path


def test_a_loop_is_filled_in_between_two_anchors_where_that_is_asked_for(tmp_path: Path) -> None:
    walls = np.zeros((8, 60, 90), np.uint8)
    walls[:, :, 45] = 255
    walls[:, [0, -1]] = walls[:, :, [0, -1]] = 255
    inside = np.zeros((8, 60, 90), np.bool_)
    for z in (0, 1, 6, 7):  # a square of 13 x 13 px, 20 px farther to the right after its loop
        left = 8 if z < 4 else 28
        walls[z, 19:34, left - 1 : left + 14] = 255
        walls[z, 20:33, left : left + 13] = 0
        inside[z, 20:33, left : left + 13] = True
    image = np.stack([seen(np.where(section > 0, 0, 1), seed=z) for z, section in enumerate(walls)])
    stored, seeds = write(tmp_path / "v.h5", raw=image, membrane=walls), tmp_path / "seeds.csv"
    seeds.write_text("z,y,x,track,fill\n1,26,14,a,\n6,26,34,a,1\n0,40,60,b,\n")
    labels = run(stored, tmp_path / "axons.h5", anchors=seeds, block=2)
    axon = labels[1, 26, 14]
    assert (labels[6][inside[6]] == axon).all()
    areas = [int((labels[z] == axon).sum()) for z in range(2, 6)]
    assert areas == [pytest.approx(14 * 14, rel=0.05)] * 4  # with half of its walls
    for z in range(2, 6):
        assert np.argwhere(labels[z] == axon).mean(axis=0) == pytest.approx([26, 14 + 20 * (z - 1) / 5], abs=1)
    seeds.write_text("z,y,x,track\n1,26,14,a\n6,26,34,a\n0,40,60,b\n")
    assert not (run(stored, tmp_path / "plain.h5", anchors=seeds)[2:6] == axon).any()


def test_a_mask_bounds_the_labels_and_one_that_excludes_everything_is_told_of(stored: Path, tmp_path: Path) -> None:
    mask = np.zeros(STACK.shape, np.uint8)
    nothing = write(tmp_path / "nothing.h5", mask=mask)
    mask[:, 20:70, 20:70] = 1
    part = write(tmp_path / "part.h5", mask=mask)
    assert ((run(stored, tmp_path / "axons.h5", mask=str(part)) > 0) == (mask > 0)).all()
    with pytest.raises(InputError, match="nothing to trace"):
        run(stored, tmp_path / "none.h5", mask=str(nothing))


@pytest.mark.parametrize("lost", [0, 255])
def test_axons_go_on_beyond_a_section_in_which_nothing_is_seen(tmp_path: Path, lost: int) -> None:
    image = np.stack([seen(CELLS, seed=z) for z in range(5)])
    membrane = np.stack([np.where(CELLS > 0, 0, 255).astype(np.uint8)] * 5)
    membrane[2], image[2] = lost, 0
    labels = run(write(tmp_path / "v.h5", raw=image, membrane=membrane), tmp_path / "axons.h5")
    inside = CELLS > 0
    assert len(np.unique(labels[0][inside])) > 20
    assert (labels[4] == labels[0])[inside].mean() > 0.97
    assert (labels[2] == labels[0])[inside].mean() > 0.97


@pytest.mark.parametrize("everywhere", [0, 255])
def test_a_volume_of_membrane_alone_or_without_any_has_nothing_to_trace(tmp_path: Path, everywhere: int) -> None:
    image = np.stack([seen(CELLS, seed=z) for z in range(2)])
    stored = write(tmp_path / "v.h5", raw=image, membrane=np.full(image.shape, everywhere, np.uint8))
    with pytest.raises(InputError, match="nothing to trace"):
        run(stored, tmp_path / "axons.h5")


def test_one_section_is_traced(stored: Path, tmp_path: Path) -> None:
    assert run(stored, tmp_path / "axons.h5", sections="2:3")[2].all()


@pytest.mark.parametrize(
    ("more", "problem"),
    [({"sections": "0:1,2:3"}, "not one stretch"), ({"mask": "small.h5"}, "differ in shape")],
)
def test_what_cannot_be_traced_is_told_of(stored: Path, tmp_path: Path, more: dict[str, Any], problem: str) -> None:
    if "mask" in more:
        more = {"mask": str(write(tmp_path / more["mask"], mask=np.ones((4, 96, 95), np.uint8)))}
    with pytest.raises(InputError, match=problem):
        run(stored, tmp_path / "axons.h5", **more)


def test_an_unknown_voxel_size_is_asked_for(tmp_path: Path) -> None:
    stored = write(
        tmp_path / "v.h5",
        sized=False,
        raw=seen(CELLS)[None],
        membrane=np.where(CELLS > 0, 0, 255).astype(np.uint8)[None],
    )
    with pytest.raises(InputError, match="how large a voxel"):
        run(stored, tmp_path / "axons.h5")
    assert run(stored, tmp_path / "axons.h5", voxel_size_nm_zyx=(30, 12, 12)).all()


def test_the_command_prints_json(stored: Path, tmp_path: Path) -> None:
    out = tmp_path / "axons.h5"
    words = [
        "trace",
        f"{stored}:raw",
        "--membrane",
        f"{stored}:membrane",
        "-o",
        str(out),
        "--sections",
        "0:2",
        "--json",
    ]
    found = CliRunner().invoke(app, [*words, "--cache", str(tmp_path / "cache")])
    assert found.exit_code == 0, found.output
    told = json.loads(found.stdout)
    assert (told["sections"], told["shape"]) == ("0:2", list(STACK.shape))
    assert open_labels(out).section(1).all()


def test_the_command_predicts_with_a_checkpoint_of_which_an_untrained_one_shows_nothing(
    stored: Path, tmp_path: Path
) -> None:
    checkpoint = write_checkpoint(tmp_path / "net.safetensors", "cpu", seed=1)
    words = [
        "trace",
        f"{stored}:raw",
        "--model",
        str(checkpoint),
        "-o",
        str(tmp_path / "axons.h5"),
        "--sections",
        "0:2",
    ]
    found = CliRunner().invoke(app, [*words, "--cache", str(tmp_path / "cache")])
    predicted = open_volume(f"{tmp_path}/axons.membrane.zarr:membrane")
    assert predicted.section(1).any()
    assert isinstance(found.exception, InputError)
    assert "predict the membrane again" in str(found.exception)


def test_a_volume_without_model_and_membrane_is_told_what_to_add(stored: Path, tmp_path: Path) -> None:
    found = CliRunner().invoke(app, ["trace", f"{stored}:raw", "-o", str(tmp_path / "axons.h5")])
    assert isinstance(found.exception, InputError)
    assert "--membrane" in str(found.exception)
