"""Weeks in a minute: a real Prefect server, real flow processes, a real Label Studio; serving and server are killed."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from annotation import server
from annotation.installation import ensure_label_studio
from annotation.server_process import known_process
from flows.initialise import init_run
from flows.runs import Run
from flows.serving.prefect_server import prefect_folder
from loop.events import Ingested, StageEvent, Trained
from loop.iteration import Stage, position
from loop.volume import open_labels
from tests.flows import outside
from tests.flows.conftest import quick_config
from tests.flows.ctrl_c import with_ctrl_c

pytestmark = pytest.mark.timeout(1500)  # a dozen processes that import torch, on a machine that may be busy


@dataclass(frozen=True)
class Served:
    """What is left of a run that was served, killed, served again and stopped."""

    run: Run
    runs: list[dict[str, Any]]
    """Prefect's flow runs, oldest first, each with its deployment's flow as `flow`."""
    deployments: dict[str, dict[str, Any]]
    calls: list[str]
    """What the watch on connections wrote."""
    exit_codes: dict[str, int]
    """Of a second serving beside the first, and of one that was stopped."""
    output: str


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which every Python process, Label Studio's included, has its connections watched."""
    folder = tmp_path_factory.mktemp("watched")
    guard = folder / "guard"
    guard.mkdir()
    shutil.copy(Path(outside.__file__), guard / "sitecustomize.py")
    label_studio = ensure_label_studio()
    home = folder / "cache" / label_studio.parent.parent.name
    (home / "bin").mkdir(parents=True)
    (home / "complete").touch()
    (home / "template").symlink_to(label_studio.parent.parent / "template")
    wrapper = home / "bin" / "label-studio"
    wrapper.write_text(f'#!/bin/sh\nPYTHONPATH={guard} exec {label_studio} "$@"\n')
    wrapper.chmod(0o755)
    return {name: value for name, value in os.environ.items() if name not in ("PREFECT_API_URL", "PREFECT_HOME")} | {
        "PROOFLOOP_CACHE": str(folder / "cache"),
        "PREFECT_HOME": str(folder / "cache" / "prefect"),
        "PREFECT_RUNNER_POLL_FREQUENCY": "1",
        "PYTHONPATH": os.pathsep.join([str(guard), str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]),
        "CALLS": str(guard / "calls.log"),
    }


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, phantom: Path, watched: dict[str, str]) -> Iterator[Served]:
    config = quick_config(phantom)
    training = config.training.model_copy(update={"steps": 16, "checkpoint_every": 4})
    run = init_run(tmp_path_factory.mktemp("served") / "run", config.model_copy(update={"training": training}))
    log = run.folder.root / "serve.log"
    started: list[subprocess.Popen[bytes]] = []
    try:
        first = serve(run, watched, log, poll_minutes=60)  # what looks is started by an event
        started.append(first)
        until(lambda: (run.folder.iteration(1) / "unfinished.safetensors").exists(), first, log)
        refused = serve(run, watched, log, poll_minutes=60).wait(120)
        first.kill()
        first.wait()
        api = Prefect(run)
        for _ in range(2):  # at once, and the look after the start makes three
            api.post(f"/deployments/{api.deployments()['proofloop-iterate']['id']}/create_flow_run", {})
        second = serve(run, watched, log, poll_minutes=0.1)
        started.append(second)
        until(lambda: run.ledger.stage(Trained, 1) is not None, second, log)
        os.kill(api.process(), signal.SIGKILL)
        until(lambda: run.ledger.stage(Ingested, 1) is not None, second, log)
        until(api.answers, second, log)
        until(
            lambda: any(one["auto_scheduled"] and one["state_type"] == "COMPLETED" for one in api.runs()), second, log
        )
        until(lambda: (run.folder.root / "axons" / "001.h5").exists(), second, log)
        runs, deployments = api.runs(), api.deployments()
        second.send_signal(signal.SIGINT)
        code = second.wait(60)
        calls = Path(watched["CALLS"]).read_text().splitlines()
        yield Served(run, runs, deployments, calls, {"refused": refused, "stopped": code}, log.read_text())
    finally:
        for process in started:
            process.kill()
            process.wait()
        server.down(run.folder.annotation)
        if (known := known_process(prefect_folder(run.folder.root))) is not None:
            known.stop()


def serve(run: Run, environment: dict[str, str], log: Path, *, poll_minutes: float) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "flows.cli", "serve", str(run.folder.root), "--poll-minutes", str(poll_minutes)]
    with log.open("ab") as output:
        return subprocess.Popen(command, env=environment, stdout=output, stderr=output, preexec_fn=with_ctrl_c)


def until(done: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 400
    while not done():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


class Prefect:
    """What the run's server says, without Prefect's own client."""

    def __init__(self, run: Run) -> None:
        self._folder = prefect_folder(run.folder.root)
        known = known_process(self._folder)
        assert known is not None
        self._api = f"http://127.0.0.1:{known.port}/api"

    def process(self) -> int:
        known = known_process(self._folder)
        assert known is not None
        assert known.pid is not None
        return known.pid

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self._api}/health", timeout=30).is_success
        except httpx.HTTPError:
            return False

    def post(self, path: str, body: object) -> Any:
        answer = httpx.post(self._api + path, json=body, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def deployments(self) -> dict[str, dict[str, Any]]:
        flows = {flow["id"]: flow["name"] for flow in self.post("/flows/filter", {})}
        return {flows[found["flow_id"]]: found for found in self.post("/deployments/filter", {})}

    def runs(self) -> list[dict[str, Any]]:
        names = {found["id"]: flow for flow, found in self.deployments().items()}
        runs = [one for one in self.post("/flow_runs/filter", {"sort": "START_TIME_ASC"}) if one["deployment_id"]]
        return [one | {"flow": names[one["deployment_id"]]} for one in runs]


def test_a_schedule_really_fires_and_an_event_really_starts_a_look(served: Served) -> None:
    looks = [one for one in served.runs if one["flow"] == "proofloop-ingest" and one["state_type"] == "COMPLETED"]
    assert any(one["auto_scheduled"] for one in looks)
    assert any((one["created_by"] or {}).get("type") == "AUTOMATION" for one in looks)


def test_a_killed_serving_goes_on_and_three_triggers_at_once_are_one_turn(served: Served) -> None:
    ledger = served.run.ledger
    first = [event for event in ledger.events() if isinstance(event, StageEvent) and event.iteration == 1]
    assert [event.kind for event in first] == [*Stage]  # each once, in order
    turns = [one for one in served.runs if one["flow"] == "proofloop-iterate"]
    of_first = [one for one in turns if one["state_type"] == "COMPLETED" or "iteration-1" in one["tags"]]
    assert [one["state_type"] for one in of_first].count("CRASHED") == 1  # that of the killed one, so that others may
    assert [one["state_type"] for one in turns].count("CANCELLED") >= 1
    keys = [one["idempotency_key"] for one in turns if "iteration-1" in one["tags"]]
    assert len(keys) == len(set(keys))
    assert keys[0].endswith("-iteration-1-1")


def test_ctrl_c_stops_serving_and_its_server_and_loses_nothing(served: Served) -> None:
    assert served.exit_codes["stopped"] == 0
    assert "the same command goes on" in served.output
    known = known_process(prefect_folder(served.run.folder.root))
    assert known is not None
    assert not known.alive
    assert position(served.run.ledger).iteration >= 2


def test_a_run_that_is_served_already_is_refused_and_says_by_whom(served: Served) -> None:
    assert served.exit_codes["refused"] == 2
    assert re.search(r"held by process \d+ .* serve", served.output)


def test_a_promoted_model_is_traced(served: Served) -> None:
    traces = [one for one in served.runs if "model-1" in one["tags"]]
    assert [one["flow"] for one in traces] == ["proofloop-trace"] * len(traces)
    assert open_labels(served.run.folder.root / "axons" / "001.h5").shape == served.run.image.shape


def test_parameters_are_a_form_with_titles_descriptions_and_limits_and_no_token(served: Served) -> None:
    forms = {
        name: {
            field: options
            for kind in found["parameter_openapi_schema"].get("definitions", {}).values()
            for field, options in kind["properties"].items()
        }
        for name, found in served.deployments.items()
    }
    assert forms.keys() == {"proofloop-iterate", "proofloop-ingest", "proofloop-trace"}
    for form in forms.values():
        assert form
        assert all(options["title"] and options["description"] for options in form.values())
    assert (forms["proofloop-iterate"]["at_least"]["minimum"], forms["proofloop-ingest"]["at_least"]["minimum"]) == (
        0,
        1,
    )
    assert forms["proofloop-trace"]["sections"]["pattern"]
    assert "token" not in json.dumps([found["parameters"] for found in served.deployments.values()])
    limits = {
        name: (found["global_concurrency_limit"]["limit"], found["concurrency_options"]["collision_strategy"])
        for name, found in served.deployments.items()
    }
    assert limits == {
        "proofloop-iterate": (1, "CANCEL_NEW"),
        "proofloop-ingest": (1, "CANCEL_NEW"),
        "proofloop-trace": (1, "ENQUEUE"),
    }


def test_nothing_calls_out_to_the_internet(served: Served, watched: dict[str, str]) -> None:
    processes = [line for line in served.calls if line.startswith("watched")]
    for command in ("flows.cli serve", "prefect.server.api.server:create_app", "prefect.engine", "label-studio start"):
        assert any(command in line for line in processes), command
    assert [line for line in served.calls if line.startswith("outside")] == []
    # the watch would have told
    attempt = "import socket; socket.create_connection(('192.0.2.1', 9), timeout=0.01)"
    subprocess.run([sys.executable, "-c", attempt], env=watched, capture_output=True, check=False)
    assert any("192.0.2.1" in line for line in Path(watched["CALLS"]).read_text().splitlines())
