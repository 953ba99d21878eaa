"""The server dies at the worst moments; afterwards nothing is lost and nothing doubled."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from annotation.ingest import ingest
from annotation.oracle import annotate
from annotation.project import connect, find_project
from annotation.publish import publish
from annotation.server import Server, down, status, up
from annotation.tasks import tasks_of
from loop.errors import ServerUnavailable
from loop.progress import Progress
from tests.annotation.sections import cells, task

SECTIONS = range(6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a server that is killed again and again; each test takes its own iteration number."""
    folder = tmp_path_factory.mktemp("run") / "annotation"
    yield folder
    down(folder)


def killing(server: Server, *, at: int, after_s: float) -> Progress:
    """Give a listener that kills the server `after_s` after unit number `at`."""

    def kill() -> None:
        pid = status(server.directory).pid
        if pid is not None:
            os.killpg(pid, signal.SIGKILL)

    def listen(done: int, total: int, note: str = "") -> None:
        if done == at:
            threading.Timer(after_s, kill).start()

    return listen


def wait_until_dead(server: Server) -> None:
    deadline = time.monotonic() + 20
    while status(server.directory).state != "down" and time.monotonic() < deadline:
        time.sleep(0.05)


@pytest.mark.parametrize(("iteration", "after_s"), [(1, 0.0), (2, 0.25)])
def test_killed_while_publishing(folder: Path, iteration: int, after_s: float) -> None:
    mortal = up(folder)
    tasks = [task(z, iteration) for z in SECTIONS]
    with suppress(ServerUnavailable):  # it may have answered before it died
        publish(mortal, tasks, progress=killing(mortal, at=len(tasks), after_s=after_s))
    wait_until_dead(mortal)
    revived = up(folder)
    assert revived == mortal
    numbers = publish(revived, tasks)
    with connect(revived) as client:
        project = find_project(client)
        assert project is not None
        held = tasks_of(client, project, iteration)
        assert [(one.task_id, one.z) for one in held] == list(zip(numbers, SECTIONS, strict=True))
        assert all(len(client.predictions.list(task=number)) == 1 for number in numbers)


def test_killed_while_ingesting(folder: Path) -> None:
    mortal = up(folder)
    publish(mortal, [task(z, 3) for z in SECTIONS])
    annotate(mortal, 3, cells)
    with pytest.raises(ServerUnavailable, match=mortal.url):
        ingest(mortal, set(), progress=killing(mortal, at=1, after_s=0))
    wait_until_dead(mortal)
    harvest = ingest(up(folder), set())
    assert sorted(submission.z for submission in harvest.submissions) == list(SECTIONS)
    for submission in harvest.submissions:
        assert np.array_equal(submission.labels, cells(submission.z))
