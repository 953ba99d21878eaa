import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from flows.runs import Run
from loop.events import Trained
from loop.holding import held
from tests.flows.ctrl_c import with_ctrl_c


def proofloop(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flows.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    truth = np.repeat([[1] * 10 + [2] * 10], 20, axis=0)[np.newaxis].astype(np.uint32)
    membrane = np.zeros((1, 20, 20), dtype=np.float32)
    membrane[:, :, 9:11] = 1
    broken = membrane.copy()
    broken[0, 3, 3] = np.nan
    with h5py.File(tmp_path / "v.h5", "w") as file:
        file["labels"], file["probability"], file["broken"] = truth, membrane, broken
        file["merged"] = np.ones_like(truth)
    return tmp_path / "v.h5"


def test_evaluate_prints_the_contracts_keys(stored: Path) -> None:
    result = proofloop("evaluate", f"{stored}:merged", f"{stored}:labels", "--json")
    assert result.returncode == 0
    found = json.loads(result.stdout)
    assert found["voi_merge"] == pytest.approx(1)
    assert {"voi_split", "adapted_rand_error", "precision", "recall", "dice"} <= set(found)


def test_evaluate_segments_a_membrane_probability_first(stored: Path) -> None:
    result = proofloop("evaluate", f"{stored}:probability", f"{stored}:labels", "--json")
    assert json.loads(result.stdout)["voi_merge"] == pytest.approx(0, abs=0.05)


def test_a_probability_that_is_not_a_number_is_bad_input(stored: Path) -> None:
    result = proofloop("evaluate", f"{stored}:broken", f"{stored}:labels")
    assert result.returncode == 2
    assert "NaN" in result.stderr
    assert "to fix:" in result.stderr


def test_the_version_names_the_commit_that_runs() -> None:
    result = proofloop("--version")
    assert result.returncode == 0
    assert re.fullmatch(r"proofloop \d+\.\d+\.\d+ \([0-9a-f]{12}(-dirty)?\)\n", result.stdout)


def test_bad_input_ends_with_code_2_and_says_how_to_mend_it(tmp_path: Path) -> None:
    result = proofloop(
        "init", tmp_path / "r", "--volume", "no.h5", "--labels", "no.h5", "--train", "0:1", "--holdout", "1:2"
    )
    assert result.returncode == 2
    for part in ("volume not found", "given:", "expected:", "to fix:"):
        assert part in result.stderr
    assert "Traceback" not in result.stderr


def test_status_needs_no_volume(run: Run, phantom: Path) -> None:
    away = phantom.rename(phantom.with_suffix(".away"))
    try:
        assert proofloop("status", run.folder.root).returncode == 0
    finally:
        away.rename(phantom)


def test_status_can_stay_on_the_screen_and_follows_the_ledger(run: Run) -> None:
    ours, its = pty.openpty()
    command = [sys.executable, "-m", "flows.cli", "status", str(run.folder.root), "--watch"]
    said = ""

    def until(words: str) -> None:
        nonlocal said
        while words not in said:
            said += os.read(ours, 4096).decode(errors="replace")

    terminal = os.environ | {"TERM": "xterm"}
    with subprocess.Popen(command, stdout=its, stderr=its, env=terminal, preexec_fn=with_ctrl_c) as watching:
        os.close(its)  # so that reading ends with the process
        until("iteration 1: next: train")
        run.ledger.append(Trained(iteration=1, checkpoint="c", sha256="s", sections=[0], final_loss=0.1, seconds=7.0))
        until("iteration 1: next: predict")
        watching.send_signal(signal.SIGINT)
        until("Interrupted. Nothing is lost")
        assert watching.wait(60) == 1


def test_status_of_a_new_run_is_an_empty_list(run: Run) -> None:
    result = proofloop("status", run.folder.root, "--json")
    assert (result.returncode, json.loads(result.stdout)) == (0, [])


def test_a_stage_out_of_order_is_refused_without_a_traceback(run: Run) -> None:
    result = proofloop("publish", run.folder.root)
    assert result.returncode == 1
    assert "goes on with train" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_second_process_on_a_run_is_told_who_works_on_it(run: Run) -> None:
    with held(run.folder.root):
        result = proofloop("train", run.folder.root)
    assert result.returncode == 2
    assert "another process works there" in result.stderr
    assert f"held by process {os.getpid()}" in result.stderr


def test_a_port_in_use_is_bad_input(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = proofloop("annotator", "up", run.folder.root, "--port", taken.getsockname()[1])
    assert result.returncode == 2
    assert "port" in result.stderr


def test_the_annotators_server_comes_up_is_found_and_goes_down(run: Run) -> None:
    try:
        assert proofloop("annotator", "up", run.folder.root).returncode == 0
        found = json.loads(proofloop("annotator", "status", run.folder.root, "--json").stdout)
        assert found["state"] == "up"
        assert found["url"].startswith("http://127.0.0.1:")
    finally:
        assert proofloop("annotator", "down", run.folder.root).returncode == 0
    assert json.loads(proofloop("annotator", "status", run.folder.root, "--json").stdout)["state"] == "down"


def test_ctrl_c_ends_with_code_1_and_leaves_a_run_that_goes_on(run: Run) -> None:
    config = run.folder.config
    config.write_text(config.read_text().replace("steps = 8\n", "steps = 4000\n"))
    command = [sys.executable, "-m", "flows.cli", "train", str(run.folder.root)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=with_ctrl_c)
    state = run.folder.iteration(1) / "unfinished.safetensors"
    while not state.exists() and process.poll() is None:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Nothing is lost" in said
    assert state.exists()


def test_sending_an_answer_back_wants_a_reason_and_a_task_that_has_one(run: Run) -> None:
    silent = proofloop("review", run.folder.root, "--send-back", 1)
    assert (silent.returncode, "say why with --reason" in silent.stderr) == (2, True)
    unknown = proofloop("review", run.folder.root, "--accept", 1)
    assert unknown.returncode == 2
    assert "task 1 has no answer to review" in unknown.stderr
    assert json.loads(proofloop("review", run.folder.root, "--json").stdout) == []
