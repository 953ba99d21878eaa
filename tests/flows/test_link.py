import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from flows.cli import app
from flows.link import Inputs, link
from loop.errors import InputError
from loop.volume import open_labels
from tests.tracing.stacks import moved, seen, tiling

CELLS = tiling()
STACK = np.stack([CELLS, moved(CELLS, 3, 1), moved(CELLS, 25, -14)]).astype(np.uint64)


def write(path: Path, **datasets: NDArray[Any]) -> Path:
    with h5py.File(path, "w") as file:
        for name, voxels in datasets.items():
            file[name] = voxels
            file[name].attrs["voxel_size_nm_zyx"] = (30.0, 12.0, 12.0)
    return path


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    images = np.stack([seen(section, seed=z) for z, section in enumerate(STACK)])
    ids = STACK + (STACK > 0) * np.arange(0, 3 * 2**33, 2**33, dtype=np.uint64)[:, None, None]
    return write(tmp_path / "v.h5", labels=ids, raw=images)


def run(stored: Path, out: Path, **more: Any) -> NDArray[Any]:
    link(Inputs(labels=f"{stored}:labels", raw=f"{stored}:raw", **more), out, cache=out.parent / "cache")
    tracks = open_labels(out)
    return tracks.sections(0, tracks.shape[0])


@pytest.mark.parametrize("name", ["tracks.h5", "tracks.zarr"])
def test_every_object_of_a_track_gets_one_id_whatever_its_own(stored: Path, tmp_path: Path, name: str) -> None:
    tracks = run(stored, tmp_path / name)
    np.testing.assert_array_equal(tracks > 0, STACK > 0)
    assert open_labels(tmp_path / name).voxel_size_nm_zyx == (30, 12, 12)
    for one in np.unique(STACK[2][STACK[2] > 0]):
        if (STACK[2] == one).sum() > 40:
            assert len({int(n) for n in np.unique(tracks[one == STACK])}) == 1
    assert len(np.unique(tracks)) - 1 >= len(np.unique(CELLS)) - 1


@pytest.mark.parametrize("stopped_at", [2, 3, 5])
def test_what_is_interrupted_leaves_no_tracks_and_registers_nothing_twice(
    stored: Path, tmp_path: Path, stopped_at: int
) -> None:
    def interrupt(done: int, total: int, note: str = "") -> None:
        if done == stopped_at:
            raise KeyboardInterrupt

    inputs, cache = Inputs(labels=f"{stored}:labels", raw=f"{stored}:raw"), tmp_path / "cache"
    with pytest.raises(KeyboardInterrupt):
        link(inputs, tmp_path / "tracks.h5", cache=cache, progress=interrupt)
    assert not list(tmp_path.glob("tracks*"))
    kept = {path: path.stat().st_mtime_ns for path in cache.rglob("*.npz")}
    assert kept
    tracks = run(stored, tmp_path / "tracks.h5")
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert (tracks == run(stored, tmp_path / "other.h5")).all()


def test_without_an_image_the_outlines_tell_how_sections_lie(stored: Path, tmp_path: Path) -> None:
    tracks = run(stored, tmp_path / "seen.h5")
    link(Inputs(labels=f"{stored}:labels"), tmp_path / "blind.h5", cache=tmp_path / "cache")
    assert (open_labels(tmp_path / "blind.h5").sections(0, len(STACK)) == tracks).all()


def test_where_nobody_says_how_large_a_pixel_is_the_objects_do(tmp_path: Path) -> None:
    fine = STACK.repeat(3, axis=1).repeat(3, axis=2)
    found = {}
    for name, labels in (("given", STACK), ("finer", fine)):
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            file["labels"] = labels
        found[name] = link(Inputs(labels=f"{tmp_path / name}.h5"), tmp_path / f"{name}.t.h5", cache=tmp_path / "cache")
    assert found["given"].voxel_size_nm_zyx is None
    assert found["finer"].pixel_nm == pytest.approx(found["given"].pixel_nm / 3)
    coarse = open_labels(tmp_path / "given.t.h5").sections(0, len(STACK))
    large = (coarse > 0) & (np.bincount(coarse.ravel())[coarse] > 300)
    finer = open_labels(tmp_path / "finer.t.h5").sections(0, len(STACK))[:, 1::3, 1::3]
    pairs = np.unique(np.stack([coarse[large], finer[large]]), axis=1)
    assert len(np.unique(pairs[0])) == pairs.shape[1] == len(np.unique(pairs[1]))


def test_a_voxel_size_in_another_unit_spoils_no_link(stored: Path, tmp_path: Path) -> None:
    tracks = run(stored, tmp_path / "nm.h5")
    inputs = Inputs(labels=f"{stored}:labels", raw=f"{stored}:raw", voxel_size_nm_zyx=(0.03, 0.012, 0.012))
    found = link(inputs, tmp_path / "um.h5", cache=tmp_path / "cache")
    assert 4 < found.pixel_nm < 36
    assert (open_labels(tmp_path / "um.h5").sections(0, len(STACK)) == tracks).mean() > 0.95


def test_the_table_names_each_link_by_the_ids_of_the_labels(stored: Path, tmp_path: Path) -> None:
    tracks = run(stored, tmp_path / "tracks.h5")
    with (tmp_path / "tracks.links.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert set(rows[0]) == {"z", "id", "to_z", "to_id", "cost", "margin", "kind", "track"}
    with h5py.File(stored) as file:
        ids = file["labels"][:]
    for row in rows:
        assert set(tracks[int(row["z"])][ids[int(row["z"])] == int(row["id"])]) == {int(row["track"])}
        assert set(tracks[int(row["to_z"])][ids[int(row["to_z"])] == int(row["to_id"])]) == {int(row["track"])}
    assert {row["kind"] for row in rows} >= {"link"}


def test_the_summary_tells_of_the_jump(stored: Path, tmp_path: Path) -> None:
    inputs = Inputs(labels=f"{stored}:labels", raw=f"{stored}:raw")
    done = link(inputs, tmp_path / "tracks.h5", cache=tmp_path / "cache")
    assert [section.z for section in done.sections] == [0, 1, 2]
    assert done.sections[2].shift_px == pytest.approx((22, -15), abs=1)
    assert done.objects == sum(section.objects for section in done.sections)
    assert sum(done.links.values()) == sum(sum(section.links.values()) for section in done.sections)


def test_a_second_call_gives_the_same_and_registers_nothing_again(stored: Path, tmp_path: Path) -> None:
    first = run(stored, tmp_path / "tracks.h5")
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").iterdir()}
    np.testing.assert_array_equal(first, run(stored, tmp_path / "tracks.h5"))
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").iterdir()} == kept


def test_objects_count_only_within_the_mask(stored: Path, tmp_path: Path) -> None:
    inside = np.zeros(STACK.shape, np.uint8)
    inside[:, :, :40] = 1
    mask = write(tmp_path / "m.h5", mask=inside)
    tracks = run(stored, tmp_path / "tracks.h5", mask=str(mask))
    assert not tracks[:, :, 40:].any()
    assert tracks[:, :, :40].any()


def test_what_another_program_wrote_is_not_replaced(stored: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is taken"):
        run(stored, stored)
    (tmp_path / "folder.zarr").mkdir()
    with pytest.raises(InputError, match="is taken"):
        run(stored, tmp_path / "folder.zarr")


def test_labels_without_an_object_and_a_mask_that_leaves_none_are_refused(stored: Path, tmp_path: Path) -> None:
    nothing = write(tmp_path / "n.h5", mask=np.zeros(STACK.shape, np.uint8), labels=np.zeros(STACK.shape, np.uint8))
    with pytest.raises(InputError, match=r"(?s)no object.*within the mask"):
        run(stored, tmp_path / "tracks.h5", mask=f"{nothing}:mask")
    with pytest.raises(InputError, match="no object"):
        link(Inputs(labels=f"{nothing}:labels", raw=f"{stored}:raw"), tmp_path / "t.h5", cache=tmp_path / "cache")
    assert not (tmp_path / "tracks.h5").exists()


def test_sections_of_another_size_than_the_image_are_refused(stored: Path, tmp_path: Path) -> None:
    smaller = write(tmp_path / "s.h5", labels=STACK[:, :-1])
    with pytest.raises(InputError, match="differ in shape"):
        link(Inputs(labels=str(smaller), raw=f"{stored}:raw"), tmp_path / "t.h5")


def test_a_single_section_is_tracks_without_links(stored: Path, tmp_path: Path) -> None:
    one = write(tmp_path / "one.h5", labels=STACK[:1], raw=seen(STACK[:1]))
    tracks = run(one, tmp_path / "t.h5")
    assert len(np.unique(tracks)) == len(np.unique(STACK[0]))
    assert (tmp_path / "t.links.csv").read_text().count("\n") == 1


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ("z,y,x\n0,1,1\n", "cannot be read"),
        ("z,y,x,track\n0,one,1,a\n", "cannot be read"),
        ("z,y,x,track\n9,1,1,a\n", "outside the volume"),
    ],
)
def test_anchors_that_cannot_be_used_are_refused(stored: Path, tmp_path: Path, lines: str, problem: str) -> None:
    (tmp_path / "a.csv").write_text(lines)
    with pytest.raises(InputError, match=problem):
        run(stored, tmp_path / "t.h5", anchors=tmp_path / "a.csv")


def test_the_command_prints_json_and_names_contradicting_anchors(stored: Path, tmp_path: Path) -> None:
    command = ["link", f"{stored}:labels", "--raw", f"{stored}:raw", "-o", str(tmp_path / "t.h5")]
    command += ["--cache", str(tmp_path / "cache")]
    done = CliRunner().invoke(app, [*command, "--json"])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["shape"] == list(STACK.shape)
    y, x = np.argwhere(CELLS == 3)[0].tolist()
    (tmp_path / "a.csv").write_text(f"z,y,x,track\n0,{y},{x},left\n0,{y},{x},right\n")
    command = [sys.executable, "-m", "flows.cli", *command, "--anchors", str(tmp_path / "a.csv")]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    for part in ("'left'", "'right'", "to fix:"):
        assert part in refused.stderr
