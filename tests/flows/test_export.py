import csv
import json
import os
import re
import struct
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import zarr
from cloudvolume import CloudVolume
from numpy.typing import NDArray
from PIL import Image
from typer.testing import CliRunner

from flows.cli import app
from flows.export import Exported, Format, export
from loop.errors import InputError
from loop.volume import open_labels

SIZE = (30.0, 16.0, 20.0)
BIG = 2**40 + 3
SHAPE = (37, 40, 300)


def bundle() -> NDArray[np.uint64]:
    """Two axons: one runs along z and is missing in two sections, one along x."""
    labels = np.zeros(SHAPE, np.uint64)
    labels[:, 5:16, 10:21] = 9
    labels[20:22] = 0
    labels[10:16, 22:38, :] = BIG
    return labels


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    return write(tmp_path / "axons.h5", bundle())


def write(path: Path, labels: NDArray[Any]) -> Path:
    with h5py.File(path, "w") as file:
        file["labels"] = labels
        file["labels"].attrs["voxel_size_nm_zyx"] = SIZE
    return path


def exported(stored: Path, form: Format) -> Path:
    out = stored.parent / f"out.{form}"
    export(str(stored), out, form)
    return out


def read_swc(path: Path) -> NDArray[np.float64]:
    rows = [line.split() for line in path.read_text().splitlines() if not line.startswith("#")]
    return np.array(rows, np.float64)


def require_inside(nodes_nm_zyx: NDArray[Any], axon: int) -> None:
    voxels = np.floor(nodes_nm_zyx / SIZE).astype(int)
    assert (bundle()[tuple(voxels.T)] == axon).all()


def test_precomputed_reads_back_as_the_same_labels_in_nm(stored: Path) -> None:
    folder = stored.with_name("my axons")
    export(str(stored), folder, "precomputed")
    address = f"file://{folder}"
    volume = CloudVolume(address, progress=False)
    np.testing.assert_array_equal(volume[:][..., 0].T, bundle())
    assert volume.resolution.tolist() == [20, 16, 30]
    coarse = CloudVolume(address, mip=1, progress=False)
    assert set(np.unique(coarse[:])) == {0, 9, BIG}
    assert coarse.resolution.tolist() == [40, 32, 30]


def test_precomputed_skeletons_have_radii_and_lie_in_their_axons(stored: Path) -> None:
    folder = exported(stored, "precomputed")
    assert json.loads((folder / "info").read_text())["skeletons"] == "skeletons"
    described = json.loads((folder / "skeletons" / "info").read_text())
    assert [one["id"] for one in described["vertex_attributes"]] == ["radius"]
    for axon in (9, BIG):
        data = (folder / "skeletons" / str(axon)).read_bytes()
        n_nodes, n_edges = struct.unpack("<II", data[:8])
        nodes = np.frombuffer(data, "<f4", 3 * n_nodes, 8).reshape(-1, 3)
        edges = np.frombuffer(data, "<u4", 2 * n_edges, 8 + 12 * n_nodes)
        radii = np.frombuffer(data, "<f4", n_nodes, 8 + 12 * n_nodes + 8 * n_edges)
        assert n_edges == n_nodes - 1
        assert edges.max() < n_nodes
        assert radii.max() > 50
        require_inside(nodes[:, ::-1], axon)


def test_precomputed_lists_the_axons_with_their_measures(stored: Path) -> None:
    folder = exported(stored, "precomputed")
    inline = json.loads((folder / "segment_properties" / "info").read_text())["inline"]
    assert inline["ids"] == [str(BIG), "9"]
    values = {one["id"]: one["values"] for one in inline["properties"]}
    assert values["breaks"] == [0, 1]
    assert values["length_um"] == pytest.approx([300 * 20 / 1e3, 37 * 30 / 1e3], rel=0.2)


def test_ome_zarr_reads_back_in_two_resolutions_with_colours(stored: Path) -> None:
    folder = exported(stored, "ome-zarr")
    group: Any = zarr.open_group(folder, mode="r")
    np.testing.assert_array_equal(group["0"][:], bundle())
    assert group["1"].shape == (37, 20, 150)
    attributes = group.attrs.asdict()
    assert {one["label-value"] for one in attributes["image-label"]["colors"]} == {9, BIG}
    steps = attributes["multiscales"][0]["datasets"][1]["coordinateTransformations"]
    assert [step.get("scale") or step["translation"] for step in steps] == [[30, 32, 40], [0, 8, 10]]
    again = open_labels(folder)
    assert (again.shape, again.dtype.name, again.voxel_size_nm_zyx) == (SHAPE, "uint64", SIZE)


def test_swc_has_a_tree_for_each_axon_in_micrometres(stored: Path) -> None:
    folder = exported(stored, "swc")
    assert {path.name for path in folder.iterdir()} == {"9.swc", f"{BIG}.swc"}
    for axon in (9, BIG):
        rows = read_swc(folder / f"{axon}.swc")
        assert rows[:, 0].tolist() == list(range(1, len(rows) + 1))
        assert rows[0, 6] == -1
        assert ((rows[1:, 6] < rows[1:, 0]) & (rows[1:, 6] >= 1)).all()
        require_inside(rows[:, 4:1:-1] * 1e3, axon)


def test_vast_pictures_and_table_say_the_same_as_the_labels(tmp_path: Path) -> None:
    labels = np.where(bundle() == BIG, 70_000, bundle()).astype(np.uint32)
    folder = exported(write(tmp_path / "axons.h5", labels), "vast")
    pictures = [np.asarray(Image.open(path), np.uint32) for path in sorted(folder.glob("*.png"))]
    assert len(pictures) == len(labels)
    for picture, section in zip(pictures, labels, strict=True):
        np.testing.assert_array_equal(picture @ np.array([65536, 256, 1], np.uint32), section)
    lines = [line for line in (folder / "axons.txt").read_text().splitlines() if not line.startswith("%")]
    rows = [[int(number) for number in line.split('"')[0].split()] for line in lines]
    assert [row[0] for row in rows] == [0, 9, 70_000]
    assert rows[0][16] == 9  # the first segment
    for row in rows[1:]:
        x, y, z = row[10:13]
        assert labels[z, y, x] == row[0]
        low, high = np.argwhere(labels == row[0]).min(axis=0), np.argwhere(labels == row[0]).max(axis=0)
        assert row[18:] == [*low[::-1], *high[::-1]]
    assert re.findall(r'"(.*)"', lines[2]) == ["axon 70000"]


def test_ids_that_vast_cannot_hold_are_refused_and_nothing_is_left(stored: Path) -> None:
    with pytest.raises(InputError, match="too large for VAST"):
        exported(stored, "vast")
    assert [path.name for path in stored.parent.iterdir()] == ["axons.h5"]


def test_beside_the_export_lie_table_and_picture(stored: Path) -> None:
    out = exported(stored, "swc")
    with out.with_name("out.swc.axons.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["axon"], row["breaks"], row["length_along"]) for row in rows] == [
        (str(BIG), "0", "skeleton"),
        ("9", "1", "skeleton"),
    ]
    assert [one["axon"] for one in json.loads(out.with_name("out.swc.axons.json").read_text())] == [BIG, 9]
    with Image.open(out.with_name("out.swc.axons.png")) as picture:
        assert len(np.unique(np.asarray(picture.convert("RGB")).reshape(-1, 3), axis=0)) > 10


def test_what_is_there_is_not_overwritten(stored: Path) -> None:
    stored.with_name("taken").mkdir()
    with pytest.raises(InputError, match="taken"):
        export(str(stored), stored.with_name("taken"), "swc")


def test_an_interrupted_export_leaves_nothing_and_begins_anew(stored: Path) -> None:
    def interrupt(done: int, total: int, note: str = "") -> None:
        if note == "writing":
            raise KeyboardInterrupt

    out = stored.with_name("out")
    with pytest.raises(KeyboardInterrupt):
        export(str(stored), out, "ome-zarr", progress=interrupt)
    assert [path.name for path in stored.parent.iterdir()] == ["axons.h5"]
    (out.with_name("out.unfinished") / "whole" / "0").mkdir(parents=True)  # as a kill leaves it
    export(str(stored), out, "ome-zarr")
    np.testing.assert_array_equal(zarr.open_array(out / "0", mode="r")[:], bundle())


def test_labels_without_axons_or_size_cannot_be_exported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no axon to export"):
        exported(write(tmp_path / "empty.h5", np.zeros((3, 4, 5), np.uint32)), "swc")
    with h5py.File(tmp_path / "bare.h5", "w") as file:
        file["labels"] = bundle()
    with pytest.raises(InputError, match="how large a voxel is"):
        exported(tmp_path / "bare.h5", "swc")


def test_a_run_is_exported_by_the_axons_in_its_folder(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "proofloop.toml").touch()
    with pytest.raises(InputError, match="no axons yet"):
        export(str(run), tmp_path / "out", "ome-zarr")
    write(run / "axons.h5", np.minimum(bundle(), 1))
    os.utime(run / "axons.h5", (0, 0))
    (run / "axons" / "001.membrane.zarr").mkdir(parents=True)
    (run / "axons" / ".held").touch()
    write(run / "axons" / "001.h5", bundle())  # as proofloop serve leaves it, later
    assert export(str(run), tmp_path / "out", "ome-zarr").axons == 2


def test_the_command_prints_json_and_how_to_open_it(stored: Path) -> None:
    out = stored.with_name("out")
    shown = CliRunner().invoke(app, ["export", str(stored), "--format", "precomputed", "-o", str(out), "--json"])
    assert shown.exit_code == 0, shown.output
    done = Exported.model_validate_json(shown.stdout)
    assert (done.axons, done.skeletons, done.voxel_size_nm_zyx) == (2, 2, SIZE)
    assert str(out) in done.open_with[0]
    assert done.open_with[1].startswith("https://neuroglancer-demo.appspot.com/#!")
