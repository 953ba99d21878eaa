"""Label Studio is killed between an answer that is stored and its task that goes back to the annotators."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from annotation import server
from annotation.project import connect
from annotation.returning import send_back
from flows.ingesting import ingest_submissions
from flows.initialise import init_run
from flows.labelling_server import server_of
from flows.runs import Run
from loop.answer_events import SectionLabelled, SentBack
from loop.errors import ProofloopError, ServerUnavailable
from loop.iteration import position
from tests.flows.conftest import quick_config
from tests.flows.test_ingesting import ask, points_of, submit


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory, phantom: Path) -> Iterator[Run]:
    """A run whose server is killed."""
    run = init_run(tmp_path_factory.mktemp("broken-off") / "run", quick_config(phantom))
    server.up(run.folder.annotation)
    yield run
    server.down(run.folder.annotation)


@pytest.mark.parametrize(("z", "returned"), [(5, False), (6, True)])
def test_a_task_whose_return_was_broken_off_goes_back_all_the_same(asked: Run, z: int, returned: bool) -> None:
    (task,) = ask(asked, z)
    with connect(server_of(asked)) as client:
        (prediction,) = client.predictions.list(task=task)
        result = [dict(region) for region in prediction.result]
        dragged = {**result[1], "value": result[1]["value"] | {"points": [[x + 3, y] for x, y in points_of(result[1])]}}
        number = int(client.annotations.create(task, result=[dragged, *result[2:]], lead_time=60.0).id or 0)

    def kill(done: int, total: int, note: str = "") -> None:
        if done == total:
            pid = server.status(asked.folder.annotation).pid
            assert pid is not None
            os.killpg(pid, signal.SIGKILL)

    with pytest.raises(ServerUnavailable):
        ingest_submissions(asked, kill)
    stored = asked.ledger.labelled()[z]
    assert stored.correction is not None
    assert stored.correction.annotation_id == number
    if returned:  # the server died, or we did, after it had done what it was asked
        send_back(server_of(asked), task, number, reason="Please look again.", refused=[result[1]["id"]])
        ingest_submissions(asked)
    else:
        with pytest.raises(ProofloopError, match=r"(?s)was dragged.*went back"):
            ingest_submissions(asked)
    ingest_submissions(asked)
    assert [event.annotation_id for event in asked.ledger.of_kind(SentBack) if event.task_id == task] == [number]
    assert asked.ledger.labelled()[z] == stored  # it counts meanwhile
    assert sum(event.section == z and bool(event.correction) for event in asked.ledger.of_kind(SectionLabelled)) == 1
    assert list(asked.ledger.open_tasks(position(asked.ledger).iteration)) == [task]
    with connect(server_of(asked)) as revived:
        submit(revived, task)
    ingest_submissions(asked)
