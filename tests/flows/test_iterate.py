"""The whole loop: real Label Studio, real Prefect, real training, a phantom of seconds."""

import base64
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from annotation import server
from flows.ingesting import ingest_submissions
from flows.initialise import init_run
from flows.runs import Run, open_run
from flows.summarise import summarise, summary_rows
from loop.events import Ingested, Published
from loop.iteration import Position, Stage, position
from loop.labels import read_section
from tests.flows.conftest import quick_config


@pytest.fixture(scope="module")
def turned(tmp_path_factory: pytest.TempPathFactory, phantom: Path, prefect_server: None) -> Iterator[Run]:
    """A run after two whole iterations."""
    from flows.iterate import iterate

    run = init_run(tmp_path_factory.mktemp("loop") / "run", quick_config(phantom))
    assert iterate(run.folder.root)
    assert iterate(run.folder.root)
    yield run
    server.down(run.folder.annotation)


def test_every_file_of_a_run_is_described(turned: Run) -> None:
    page = (Path(__file__).parents[2] / "docs/data-formats.md").read_text(encoding="utf-8")
    (tree,) = re.findall(r"```\nRUN/\n(.*?)```", page, re.DOTALL)
    described = set(re.findall(r"[\w.]+", tree))
    root = turned.folder.root
    found = {path.name for folder in (root, root / "iterations/001", root / "annotation") for path in folder.iterdir()}
    passing = {f"{name}.{end}" for name in ("server", "service") for end in ("lock", "log")}  # described in words
    assert found - passing <= described


def test_an_iteration_ends_with_its_corrections_in_the_labels(turned: Run) -> None:
    assert position(turned.ledger) == Position(3, Stage.TRAIN)
    labelled = turned.ledger.labelled()
    assert len(labelled) == 4 + 2 + 2
    for event in turned.ledger.corrections():
        assert event.correction is not None
        assert event.correction.annotator == "oracle@proofloop.local"
        labels = read_section(turned.folder.labels / event.file, event.sha256).labels
        truth = turned.labels.section(event.section)
        assert ((labels > 0) == (truth > 0)).mean() > 0.8


def test_the_second_model_learns_from_the_corrected_sections(turned: Run) -> None:
    first, second = summary_rows(summarise(turned))
    assert (first["labelled_sections"], second["labelled_sections"]) == (4, 6)
    assert (first["sections_published"], first["sections_ingested"]) == (2, 2)


def test_every_published_section_came_from_the_pool_and_was_asked_once(turned: Run) -> None:
    published = [turned.ledger.stage(Published, number) for number in (1, 2)]
    sections = [place.z for event in published if event is not None for place in event.tasks]
    assert len(sections) == len(set(sections)) == 4
    assert set(sections) <= set(turned.sections["pool"])


def test_ingesting_again_changes_nothing(turned: Run) -> None:
    ledger = turned.ledger.path
    whole = ledger.read_bytes()
    lines = whole.splitlines(keepends=True)
    assert b'"kind":"ingest"' in lines[-1]
    ledger.write_bytes(b"".join(lines[:-1]))  # as if the process had died before the iteration was closed
    try:
        ingest_submissions(open_run(turned.folder.root))
        assert ledger.read_bytes().splitlines()[:-1] == whole.splitlines()[:-1]
        assert turned.ledger.stage(Ingested, 2) is not None
    finally:
        ledger.write_bytes(whole)


def test_the_report_shows_what_the_ledger_says(turned: Run) -> None:
    page = (turned.folder.report / "index.html").read_text()
    assert "oracle@proofloop.local" in page
    assert "Iteration 2" in page or "iteration 2" in page


def test_tensorboard_and_prefect_have_the_metrics(turned: Run) -> None:
    from prefect.artifacts import Artifact

    assert list(turned.folder.tensorboard.glob("events.*"))
    artifact = cast("Artifact", Artifact.get("run-iterations"))
    assert "voi_merge" in str(artifact.data)
    curve = cast("Artifact", Artifact.get("run-learning-curve"))
    picture = str(curve.data).partition("base64,")[2].rstrip(")")
    assert base64.b64decode(picture).startswith(b"\x89PNG")
    assert len(picture) < 60_000  # it lies in Prefect's database


def test_a_loop_killed_while_training_goes_on_to_the_end(tmp_path: Path, phantom: Path, prefect_server: None) -> None:
    from flows.iterate import iterate

    config = quick_config(phantom)
    training = config.training.model_copy(update={"steps": 60, "checkpoint_every": 4})
    run = init_run(tmp_path / "run", config.model_copy(update={"training": training}))
    script = "from pathlib import Path; from flows.runs import open_run; from flows.learning import train_model\n"
    script += f"train_model(open_run(Path({str(run.folder.root)!r})))"
    process = subprocess.Popen([sys.executable, "-c", script])
    state = run.folder.iteration(1) / "unfinished.safetensors"
    first = None
    while process.poll() is None:
        if state.exists():
            first = first or state.stat().st_mtime_ns
            if state.stat().st_mtime_ns != first:
                process.kill()
                break
    process.wait()
    assert process.returncode == -9, "the training ended before it could be killed"
    assert position(run.ledger) == Position(1, Stage.TRAIN)
    try:
        assert iterate(run.folder.root)
    finally:
        server.down(run.folder.annotation)
    assert position(run.ledger) == Position(2, Stage.TRAIN)
