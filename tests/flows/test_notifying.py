"""Messages to people, through a real receiver on this machine."""

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from flows.runs import Run
from flows.serving.notifying import URLS_VARIABLE, notify
from flows.serving.turn_news import tell_news
from loop.events import Gated, Published, Trained
from loop.gate import GateDecision
from loop.places import Place


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """Everything that is posted to the address that the environment names."""
    came: list[dict[str, Any]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        monkeypatch.setenv(URLS_VARIABLE, f"json://127.0.0.1:{http.server_address[1]}/told")
        yield came
        http.shutdown()


def test_a_message_arrives_with_its_kind_and_the_same_one_is_not_said_twice(
    tmp_path: Path, receiver: list[dict[str, Any]]
) -> None:
    assert notify(tmp_path, "failure", "ac4 broke off", "disk full")
    assert not notify(tmp_path, "failure", "ac4 broke off", "disk full")
    assert notify(tmp_path, "batch", "ac4: new tasks", "8 tasks")
    assert notify(tmp_path, "failure", "ac4 broke off", "no memory")
    assert [(one["type"], one["title"], one["message"]) for one in receiver] == [
        ("failure", "ac4 broke off", "disk full"),
        ("info", "ac4: new tasks", "8 tasks"),
        ("failure", "ac4 broke off", "no memory"),
    ]


def test_a_receiver_that_is_away_ends_nothing_and_is_tried_again(
    tmp_path: Path, receiver: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as away:
        away.setenv(URLS_VARIABLE, "json://127.0.0.1:9/told")
        assert not notify(tmp_path, "alarm", "t", "b")
    assert notify(tmp_path, "alarm", "t", "b")
    assert len(receiver) == 1


def test_alarms_and_new_tasks_are_told_of(run: Run, receiver: list[dict[str, Any]]) -> None:
    worse = GateDecision(promoted=False, reason="VOI 0.9, clearly worse", verdict="alarm")
    run.ledger.append(Trained(iteration=1, checkpoint="c", sha256="s", sections=[0], final_loss=0.1, seconds=1.0))
    run.ledger.append(Gated(iteration=1, decision=worse))
    run.ledger.append(Published(iteration=1, tasks={Place(5): 11, Place(8): 12}))
    tell_news(run)
    assert [(one["type"], one["message"]) for one in receiver] == [
        ("warning", "iteration 1: VOI 0.9, clearly worse"),
        ("info", "iteration 1: 2 tasks wait for annotators"),
    ]


def test_without_an_address_nothing_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(URLS_VARIABLE, raising=False)
    assert not notify(tmp_path, "alarm", "t", "b")


def test_the_addresses_may_lie_in_a_secret_block(prefect_server: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect.blocks.system import Secret

    from flows.serving.secret_values import block_of, take_secrets

    monkeypatch.setenv(URLS_VARIABLE, "json://environment")
    Secret(value=SecretStr("json://block")).save(block_of(URLS_VARIABLE), overwrite=True)
    take_secrets()
    assert os.environ[URLS_VARIABLE] == "json://environment"  # it goes before the block
    monkeypatch.delenv(URLS_VARIABLE)
    take_secrets()
    assert os.environ[URLS_VARIABLE] == "json://block"


def test_a_failed_flow_is_told_of(tmp_path: Path, receiver: list[dict[str, Any]], prefect_server: None) -> None:
    from flows.serving.deployed import trace_promoted
    from loop.errors import InputError

    with pytest.raises(InputError, match="no run found"):
        trace_promoted(tmp_path / "ac4")
    (told,) = receiver
    assert told["title"] == "proofloop ac4: proofloop-trace Failed"
    assert "no run found" in told["message"]
