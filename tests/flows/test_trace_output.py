import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from flows.axon_table import axons_of
from flows.config import TracingConfig
from flows.trace.job import TraceSettings
from flows.trace.stages import trace
from loop.volume import open_labels
from tests.flows.test_trace import STACK, inputs_of, write
from tests.tracing.stacks import seen


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tmp_path = tmp_path_factory.mktemp("traced")
    images = np.stack([seen(section, seed=z) for z, section in enumerate(STACK)])
    walls = np.where(STACK > 0, 0, 255).astype(np.uint8)
    stored = write(tmp_path / "v.h5", raw=images, membrane=walls)
    config = TracingConfig()
    fine = config.skeletons.model_copy(update={"smallest_um3": 0.0, "tick_nm": 100.0})
    settings = TraceSettings(config.model_copy(update={"skeletons": fine}), tmp_path / "cache")
    trace(inputs_of(stored), tmp_path / "axons.h5", settings, skeletons=1)
    return tmp_path / "axons.h5"


def test_a_trace_leaves_skeletons_that_the_table_measures(out: Path) -> None:
    with out.with_name("axons.axons.csv").open(newline="") as stream:
        rows = {row["axon"]: row for row in csv.DictReader(stream)}
    files = {path.stem: path for path in out.with_suffix(".skeletons").glob("*.swc")}
    assert len(files) > 20
    for axon, path in files.items():
        lines = [line.split() for line in path.read_text().splitlines() if not line.startswith("#")]
        nodes = np.array(lines, np.float64)
        parents = nodes[nodes[1:, 6].astype(int) - 1]
        length_um = np.linalg.norm(nodes[1:, 2:5] - parents[:, 2:5], axis=1).sum()
        assert rows[axon]["length_along"] == "skeleton"
        assert float(rows[axon]["length_um"]) == pytest.approx(length_um, abs=1e-3)


def test_table_and_picture_lie_beside_the_axons(out: Path) -> None:
    listed = json.loads(out.with_name("axons.axons.json").read_text())
    assert {one["axon"] for one in listed} == set(np.unique(open_labels(out).sections(0, len(STACK)))) - {0}
    with Image.open(out.with_name("axons.axons.png")) as picture:
        assert min(picture.size) > 300


def test_axons_measured_again_from_the_labels_keep_the_margins_of_the_table(out: Path) -> None:
    listed = {one["axon"]: one for one in json.loads(out.with_name("axons.axons.json").read_text())}
    again = axons_of(open_labels(out), (30, 12, 12))
    assert len(again) == len(listed)
    for axon in again:
        was = listed[axon.axon]
        assert (axon.sections, axon.breaks, axon.z, axon.y, axon.x) == tuple(
            was[name] for name in ("sections", "breaks", "z", "y", "x")
        )
        assert (axon.mean_link_margin is None) == (was["mean_link_margin"] is None)
        assert axon.mean_link_margin is None or axon.mean_link_margin == pytest.approx(
            was["mean_link_margin"], abs=1e-4
        )
