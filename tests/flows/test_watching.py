"""Waiting for people on a real server."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from annotation import server
from annotation.project import connect
from flows.initialise import init_run
from flows.runs import Run
from flows.watching import watch
from loop.iteration import position
from tests.flows.conftest import quick_config
from tests.flows.test_ingesting import ask, submit


@pytest.fixture
def waiting(tmp_path: Path, phantom: Path) -> Iterator[Run]:
    """A run that looks at its server once an hour unless it is called."""
    config = quick_config(phantom)
    rarely = config.annotation.model_copy(update={"poll_seconds": 3600.0})
    run = init_run(tmp_path / "run", config.model_copy(update={"annotation": rarely}))
    yield run
    server.down(run.folder.annotation)


def test_watching_takes_in_what_is_submitted_and_ends_with_the_iteration(waiting: Run) -> None:
    first, second = ask(waiting, 5, 8)
    iteration = position(waiting.ledger).iteration
    watcher = threading.Thread(target=watch, args=(waiting,), daemon=True)
    watcher.start()
    with connect(server.up(waiting.folder.annotation)) as client:
        while not list(client.webhooks.list()):  # it is ready to be called
            watcher.join(0.1)
        submit(client, first)
        while len(waiting.ledger.corrections()) < 1:
            watcher.join(0.1)
        assert watcher.is_alive()
        submit(client, second)
    watcher.join(60)
    assert not watcher.is_alive()
    assert position(waiting.ledger).iteration == iteration + 1
    assert sorted(event.section for event in waiting.ledger.corrections()) == [5, 8]
