import signal
import subprocess
import sys
import time

import psutil

from flows.learning import train_model
from flows.runs import Run, open_run
from loop.events import Trained
from models.training import CHECKPOINT, UNFINISHED
from tests.flows.ctrl_c import with_ctrl_c


def _change(run: Run, *changes: tuple[str, str]) -> None:
    text = run.folder.config.read_text()
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    run.folder.config.write_text(text)


def test_two_processes_are_interrupted_and_go_on_by_the_same_command(run: Run) -> None:
    _change(run, ('processes = "auto"', "processes = 2"), ("steps = 8\n", "steps = 60\n"))
    command = [sys.executable, "-m", "flows.cli", "train", str(run.folder.root)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=with_ctrl_c)
    begun = run.folder.iteration(1) / UNFINISHED
    while not begun.exists() and process.poll() is None:
        time.sleep(0.05)
    together = [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "Nothing is lost" in said
    assert len(together) >= 3  # the launcher and two that train
    assert not any(psutil.pid_exists(pid) for pid in together)
    assert begun.exists()
    heard: list[int] = []

    def listen(done: int, total: int, note: str = "") -> None:
        heard.append(done)

    train_model(open_run(run.folder.root), listen)
    assert heard == list(range(heard[0], 61))
    assert not begun.exists()
    assert run.ledger.finished(Trained, 1).checkpoint.endswith(CHECKPOINT)
