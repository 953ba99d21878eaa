import csv
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.merge import merge
from loop.contingency import contingency
from loop.errors import InputError
from loop.metrics_partition import partition_scores
from loop.volume import open_labels
from tests.flows.test_trace import STACK, run, stored, write

__all__ = ["stored"]


def test_stretches_traced_by_themselves_become_what_tracing_the_whole_gives(stored: Path, tmp_path: Path) -> None:
    whole = run(stored, tmp_path / "whole.zarr")
    parts = [run(stored, tmp_path / f"{name}.zarr", sections=name.replace("_", ":")) for name in ("0_3", "2_4")]
    assert not parts[0][3].any()
    assert not parts[1][:2].any()
    done = merge([str(tmp_path / "0_3.zarr"), str(tmp_path / "2_4.zarr")], tmp_path / "merged.h5")
    labels = open_labels(tmp_path / "merged.h5").sections(0, 4)
    scores = partition_scores(contingency(labels, whole))
    assert (scores.voi_split, scores.voi_merge) == (0, 0)
    assert done.axons == len(np.unique(labels[labels > 0]))
    assert done.conflicts == 0


def test_bundles_traced_within_masks_that_overlap_become_one(stored: Path, tmp_path: Path) -> None:
    names = []
    for name, columns in (("left", slice(0, 60)), ("middle", slice(30, 80)), ("right", slice(50, 96))):
        mask = np.zeros(STACK.shape, np.uint8)
        mask[:, :, columns] = 1
        run(stored, tmp_path / f"{name}.zarr", mask=str(write(tmp_path / f"{name}.h5", mask=mask)))
        names.append(str(tmp_path / f"{name}.zarr"))
    done = merge(names, tmp_path / "merged.zarr")
    labels = open_labels(tmp_path / "merged.zarr").sections(0, 4)
    assert labels.all()
    assert done.joined > 20
    assert done.voxel_size_nm_zyx == (30.0, 12.0, 12.0)
    scores = partition_scores(contingency(labels, STACK))
    assert scores.voi_split < 0.25
    assert scores.voi_merge < 0.15
    with Path(done.axons_table).open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["volume"] for row in rows} == set(names)
    left = open_labels(names[0]).sections(0, 4)
    for row in rows:
        if row["volume"] == names[0]:  # the first has its way wherever it has labels
            assert set(np.unique(labels[left == int(row["id"])])) == {int(row["axon"])}


def test_the_command_prints_json_and_lists_what_did_not_become_one(tmp_path: Path) -> None:
    first = write(tmp_path / "a.h5", labels=np.array([[[4, 4, 4, 4, 4]]], np.uint32))
    second = write(tmp_path / "b.h5", labels=np.array([[[1, 1, 1, 2, 2]]], np.uint64))
    found = CliRunner().invoke(app, ["merge", str(first), str(second), "-o", str(tmp_path / "m.h5"), "--json"])
    assert found.exit_code == 0, found.output
    told = json.loads(found.stdout)
    assert (told["axons"], told["joined"], told["conflicts"]) == (2, 1, 1)
    (row,) = csv.DictReader((tmp_path / "m.conflicts.csv").read_text().splitlines())
    assert (row["axon"], row["other_axon"], row["kind"], row["other_share"]) == ("4", "2", "second best", "1.0000")
    assert (open_labels(tmp_path / "m.h5").sections(0, 1) == 1).all()  # the first volume is drawn


def test_what_cannot_be_merged_is_told_of(tmp_path: Path) -> None:
    one = write(tmp_path / "a.h5", labels=np.ones((1, 2, 2), np.uint32))
    larger = write(tmp_path / "b.h5", labels=np.ones((1, 2, 3), np.uint32))
    nothing = write(tmp_path / "c.h5", labels=np.zeros((1, 2, 2), np.uint32))
    for volumes, problem in (
        ([one], "nothing to merge with"),
        ([one, larger], "differ in shape"),
        ([nothing, nothing], "nothing to merge"),
    ):
        with pytest.raises(InputError, match=problem):
            merge([str(volume) for volume in volumes], tmp_path / "m.h5")
