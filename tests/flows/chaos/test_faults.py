"""What may befall the machine of a lab: a full disk, a clock that jumps, a Label Studio that is away."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from annotation import server
from annotation.project import connect
from annotation.server_process import known_process
from flows import learning, proofreading
from flows.config import LabServerConfig
from flows.initialise import init_run
from flows.labelling_server import server_of
from flows.runs import Run
from loop.events import Ingested, Published
from loop.iteration import Stage, position
from loop.places import Place
from tests.flows.conftest import quick_config
from tests.flows.test_ingesting import ask, submit

_FAKETIME = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))


def proofloop(command: str, run: Run, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flows.cli", command, str(run.folder.root)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=os.environ | environment,
    )


def test_a_full_disk_is_told_of_and_the_same_command_goes_on(run: Run) -> None:
    before = sorted(path.name for path in run.folder.root.iterdir())
    command = [sys.executable, "-m", "flows.cli", "train", str(run.folder.root)]
    room = 100_000  # bytes a file: a checkpoint has 2.5 million

    full = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
    )
    assert full.returncode == 1
    assert "no room for a file" in full.stderr
    assert "Traceback" not in full.stderr
    assert position(run.ledger).stage is Stage.TRAIN
    assert not list(run.folder.iteration(1).glob("checkpoint*"))
    assert set(before) <= {path.name for path in run.folder.root.iterdir()}
    assert proofloop("train", run).returncode == 0
    assert position(run.ledger).stage is Stage.PREDICT


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory, phantom: Path) -> Iterator[Run]:
    """A run that waits for its annotators."""
    run = init_run(tmp_path_factory.mktemp("faults") / "run", quick_config(phantom))
    learning.train_model(run)
    learning.predict_sections(run)
    learning.evaluate_model(run)
    learning.gate_model(run)
    proofreading.rank_pool(run)
    proofreading.publish_tasks(run)
    yield run
    server.down(run.folder.annotation)


def answer(run: Run, number: int) -> None:
    """Submit the pre-annotation of the n-th task."""
    task = list(run.ledger.finished(Published, 1).tasks.values())[number]
    with connect(server.up(run.folder.annotation)) as client:
        (prediction,) = client.predictions.list(task=task)
        client.annotations.create(task, result=prediction.result, lead_time=1.0)


def test_a_label_studio_that_was_killed_is_started_again_by_the_next_look(asked: Run) -> None:
    known = known_process(asked.folder.annotation)
    assert known is not None
    assert known.pid is not None
    os.kill(known.pid, signal.SIGKILL)
    while known.alive:
        time.sleep(0.05)
    looked = proofloop("ingest", asked)
    assert looked.returncode == 0, looked.stderr
    again = known_process(asked.folder.annotation)
    assert again is not None
    assert again.alive


def test_the_labs_label_studio_may_be_away_and_what_was_submitted_is_taken_in_once(
    tmp_path: Path, phantom: Path
) -> None:
    lab = tmp_path / "lab"
    url = server.up(lab).url
    try:
        token = tmp_path / "token"
        token.touch(mode=0o600)
        token.write_text(server.up(lab).token())
        config = quick_config(phantom)
        choices = {"server": LabServerConfig(url=url, token_file=str(token))}
        config = config.model_copy(update={"annotation": config.annotation.model_copy(update=choices)})
        run = init_run(tmp_path / "run", config)
        task, _ = ask(run, 5, 8)
        with connect(server_of(run)) as client:
            submit(client, task, without=1)
        server.down(lab)
        before = run.ledger.path.read_bytes()
        for _ in range(2):
            looked = proofloop("ingest", run)
            assert looked.returncode == 2
            assert url in looked.stderr
            assert "Traceback" not in looked.stderr
        assert run.ledger.path.read_bytes() == before
        server.up(lab)  # on the same port
        for _ in range(2):
            looked = proofloop("ingest", run)
            assert looked.returncode == 0, looked.stderr
        assert [event.section for event in run.ledger.corrections()] == [5]
        assert list(run.ledger.open_tasks(1).values()) == [Place(8)]
    finally:
        server.down(lab)


@pytest.mark.skipif(not _FAKETIME, reason="needs Debian's libfaketime")
def test_our_clock_may_jump_by_weeks_and_every_answer_is_taken_in_once(asked: Run) -> None:
    for number, jump in enumerate(("+40d", "-40d")):
        answer(asked, number)
        looked = proofloop("ingest", asked, LD_PRELOAD=str(_FAKETIME[0]), FAKETIME=jump)
        assert looked.returncode == 0, looked.stderr
    assert len(asked.ledger.corrections()) == 2
    closed = asked.ledger.stage(Ingested, 1)
    assert closed is not None
    assert len(closed.sections) == 2
