"""The server dies at the worst moments; afterwards nothing is lost and nothing doubled."""

import os
import signal
import threading
import time
from collections.abc import Iterator
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


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Server]:
    yield up(tmp_path)
    down(tmp_path)


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


@pytest.mark.parametrize("after_s", [0.0, 0.25])
def test_killed_while_publishing(mortal: Server, after_s: float) -> None:
    tasks = [task(z, 1) for z in SECTIONS]
    try:
        publish(mortal, tasks, progress=killing(mortal, at=len(tasks), after_s=after_s))
    except ServerUnavailable as error:
        assert "nothing is lost" in error.fix
    wait_until_dead(mortal)
    server = up(mortal.directory)
    numbers = publish(server, tasks)
    with connect(server) as client:
        project = find_project(client)
        assert project is not None
        held = tasks_of(client, project, 1)
        assert [(one.task_id, one.z) for one in held] == list(zip(numbers, SECTIONS, strict=True))
        assert all(len(client.predictions.list(task=number)) == 1 for number in numbers)


def test_killed_while_ingesting(mortal: Server) -> None:
    publish(mortal, [task(z, 1) for z in SECTIONS])
    annotate(mortal, 1, cells)
    with pytest.raises(ServerUnavailable):
        ingest(mortal, set(), progress=killing(mortal, at=1, after_s=0))
    wait_until_dead(mortal)
    harvest = ingest(up(mortal.directory), set())
    assert sorted(submission.z for submission in harvest.submissions) == list(SECTIONS)
    for submission in harvest.submissions:
        assert np.array_equal(submission.labels, cells(submission.z))


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    server = up(tmp_path)
    down(tmp_path)
    with pytest.raises(ServerUnavailable, match=server.url):
        publish(server, [task(1, 1)])
