"""Our own process is killed while it publishes and while it ingests; afterwards nothing is lost and nothing doubled."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from annotation import server
from annotation.project import connect, find_project
from annotation.publish import SectionTask, publish
from annotation.tasks import tasks_of
from flows.ingesting import ingest_submissions
from flows.initialise import init_run
from flows.runs import Run
from loop.answer_events import SectionLabelled
from loop.events import Published, Ranked, Trained
from loop.places import Place
from loop.uncertainty import Uncertainty
from tests.flows.conftest import quick_config

SECTIONS = range(4, 11)
COPIES = 4  # of each section, as iterations of their own, so that an import takes more than one request


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory, phantom: Path) -> Iterator[Run]:
    run = init_run(tmp_path_factory.mktemp("killed") / "run", quick_config(phantom))
    server.up(run.folder.annotation)
    yield run
    server.down(run.folder.annotation)


def chosen(run: Run) -> list[SectionTask]:
    """Give 28 tasks; importing them takes two requests."""
    first = [
        SectionTask(z, 1, run.image.section(z), None, None, run.labels.section(z), "It is a test.", 0.5)
        for z in SECTIONS
    ]
    return [replace(task, iteration=iteration) for iteration in range(1, COPIES + 1) for task in first]


def killed_when(code: str, run: Run, reached: Callable[[], bool]) -> None:
    """Run `code` with RUN as its argument in a process of its own and kill it as soon as `reached` says so."""
    process = subprocess.Popen([sys.executable, "-c", code, str(run.folder.root)], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not reached() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    assert process.poll() is None, "it ended before it could be killed"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


PUBLISH = """
import sys
from pathlib import Path
from annotation.publish import publish
from annotation.server import up
from flows.runs import open_run
from tests.flows.test_killed import chosen
run = open_run(Path(sys.argv[1]))
publish(up(run.folder.annotation), chosen(run))
"""
INGEST = """
import sys
from pathlib import Path
from flows.ingesting import ingest_submissions
from flows.runs import open_run
ingest_submissions(open_run(Path(sys.argv[1])))
"""


def held(run: Run) -> list[str]:
    with connect(server.up(run.folder.annotation)) as client:
        project = find_project(client)
        numbers = [] if project is None else [tasks_of(client, project, i + 1) for i in range(COPIES)]
    return [task.section_id for tasks in numbers for task in tasks]


def test_killed_while_publishing_at_every_point_it_goes_on_where_it_was(asked: Run) -> None:
    kept = asked.folder.annotation / "published"
    for point in (12, 25):  # sections prepared: before the first request, and before the second
        killed_when(PUBLISH, asked, lambda point=point: len(list(kept.glob("it*.npz"))) >= point)  # type: ignore[misc]
        names = held(asked)
        assert len(names) == len(set(names))
    numbers = publish(server.up(asked.folder.annotation), chosen(asked))
    assert held(asked) == [task.section_id for task in chosen(asked)]
    with connect(server.up(asked.folder.annotation)) as client:
        assert all(len(client.predictions.list(task=number)) == 1 for number in numbers)


def test_killed_while_ingesting_every_answer_is_stored_once(asked: Run) -> None:
    tasks = dict(
        zip(
            map(Place, SECTIONS),
            publish(server.up(asked.folder.annotation), chosen(asked))[: len(SECTIONS)],
            strict=True,
        )
    )
    uncertainty = {place: Uncertainty(entropy_bits=0.1, disagreement=0.1) for place in tasks}
    for event in (
        Trained(iteration=1, checkpoint="c", sha256="s", sections=[0], final_loss=0.1, seconds=1.0),
        Ranked(iteration=1, chosen=list(tasks), uncertainty=uncertainty, predicted_in=1),
        Published(iteration=1, tasks=tasks),
    ):
        asked.ledger.append(event)
    with connect(server.up(asked.folder.annotation)) as client:
        for task in tasks.values():
            (prediction,) = client.predictions.list(task=task)
            client.annotations.create(task, result=prediction.result[1:], lead_time=1.0)

    def stored() -> list[int]:
        return [e.section for e in asked.ledger.of_kind(SectionLabelled) if e.correction is not None]

    for point in (2, 5):
        killed_when(INGEST, asked, lambda point=point: len(stored()) >= point)  # type: ignore[misc]
    ingest_submissions(asked)
    assert sorted(stored()) == list(SECTIONS)
    assert sorted(asked.ledger.trainable()) == [0, 1, 2, 3, *SECTIONS]
