"""A run that is killed wherever it can be, and goes on each time, ends as one that was never disturbed."""

import hashlib
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect.settings import PREFECT_API_URL
from safetensors.numpy import load_file

from annotation import server
from annotation.project import connect, find_project
from annotation.tasks import tasks_of
from flows.initialise import init_run
from flows.runs import Run
from loop.events import Trained
from loop.iteration import position
from loop.labels import read_section
from tests.flows.chaos.points import ALL, SHORT
from tests.flows.conftest import quick_config

WHOLE = os.environ.get("PROOFLOOP_CHAOS") == "whole"
TURNS = 2 if WHOLE else 1
_OF_THE_MOMENT = {
    *("at", "seconds", "submitted_at", "seen_until", "lead_time_s", "active_s"),
    *("task_id", "annotation_id", "sha256", "model_sha256"),  # of tasks the number counts; weights are compared
}


def turn(run: Run, point: str) -> int:
    """Take one turn in a process that dies at `point`, and give its return code."""
    command = [sys.executable, "-m", "tests.flows.chaos.doomed", str(run.folder.root), point]
    environment = os.environ | {"PREFECT_API_URL": str(PREFECT_API_URL.value())}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=environment)
    if done.returncode not in (0, -signal.SIGKILL):
        raise AssertionError(f"{point}: {done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.returncode


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, phantom: Path, prefect_server: None) -> Iterator[Run]:
    """A run that nobody disturbed."""
    run = init_run(tmp_path_factory.mktemp("whole") / "run", quick_config(phantom))
    for _ in range(TURNS):
        assert turn(run, "never") == 0
    yield run
    server.down(run.folder.annotation)


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory, phantom: Path, prefect_server: None) -> Iterator[Run]:
    """A run that was killed at every point in turn, and went on each time."""
    run = init_run(tmp_path_factory.mktemp("killed") / "run", quick_config(phantom))
    for number in range(1, TURNS + 1):
        for point in ALL if WHOLE else SHORT:
            assert position(run.ledger).iteration == number
            assert turn(run, point) == -signal.SIGKILL, f"the turn never came to {point}"
        if position(run.ledger).iteration == number:
            assert turn(run, "never") == 0
    yield run
    server.down(run.folder.annotation)


def test_the_ledger_tells_the_same_story(whole: Run, killed: Run) -> None:
    assert story(killed) == story(whole)


def test_the_weights_are_the_same(whole: Run, killed: Run) -> None:
    for one, other in zip(whole.ledger.of_kind(Trained), killed.ledger.of_kind(Trained), strict=True):
        weights, again = (
            load_file(run.folder.root / event.checkpoint) for run, event in ((whole, one), (killed, other))
        )
        assert weights.keys() == again.keys()
        assert all((weights[name] == again[name]).all() for name in weights)


def test_the_labels_are_the_same(whole: Run, killed: Run) -> None:
    assert labels(killed) == labels(whole)


def test_no_task_and_no_answer_is_lost_or_doubled(whole: Run, killed: Run) -> None:
    assert asked(killed) == asked(whole)
    assert set(asked(killed).values()) == {(1, 1)}


def test_every_file_that_has_a_name_of_its_own_is_whole_and_wanted(whole: Run, killed: Run) -> None:
    names, again = (
        {
            str(path.relative_to(run.folder.root))
            for path in run.folder.iteration(1).rglob("*")
            # tensorboard has a file for each attempt, and a writer that was killed leaves its hidden temporary one
            if path.is_file() and "tensorboard" not in path.parts and not path.name.startswith(".")
        }
        for run in (whole, killed)
    )
    assert again == names


def story(run: Run) -> list[Any]:
    """What the ledger tells, without clocks and what the server numbers; looks and attempts may be more."""
    events = [event.model_dump(mode="json") for event in run.ledger.events()]
    return [_lasting(event) for event in events if event["kind"] not in ("poll", "training_begun", "run_created")]


def _lasting(told: Any) -> Any:
    if isinstance(told, dict):
        return {key: _lasting(value) for key, value in told.items() if key not in _OF_THE_MOMENT}
    return [_lasting(value) for value in told] if isinstance(told, list) else told


def labels(run: Run) -> dict[str, str]:
    """The labels in force of every section, hashed."""
    return {
        str(place): hashlib.sha256(
            read_section(run.folder.labels / event.file, event.sha256).labels.tobytes()
        ).hexdigest()
        for place, event in run.ledger.answered().items()
    }


def asked(run: Run) -> dict[str, tuple[int, int]]:
    """How many tasks the server has of each section and iteration, and how many answers they have."""
    with connect(server.up(run.folder.annotation)) as client:
        project = find_project(client)
        assert project is not None
        tasks = [task for turn in range(1, TURNS + 1) for task in tasks_of(client, project, turn)]
    counts = Counter(task.section_id for task in tasks)
    return {task.section_id: (counts[task.section_id], task.annotations) for task in tasks}
