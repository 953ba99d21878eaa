"""What starts what on a real Prefect server: traces after promotions, steps again after faults, looks when called."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL
from prefect.states import Cancelled, Completed, Crashed

from annotation import server
from annotation.project import connect
from flows.config import ServingConfig
from flows.initialise import init_run
from flows.runs import Run
from flows.serving.deploy import deployments
from flows.serving.dispatching import ATTEMPTS, LOOK, TRACE, name_of, resource_of, start_next_turn, start_trace
from flows.serving.retrying import step
from flows.serving.serve import _listening
from loop.errors import InputError, ServerUnavailable
from loop.events import Gated, Trained
from loop.gate import GateDecision
from loop.waiting import Patience
from tests.flows.conftest import quick_config
from tests.flows.test_ingesting import ask, submit


@pytest.fixture
def deployed(run: Run, prefect_server: None) -> Run:
    """A run whose first model is promoted and whose flows Prefect knows; nobody runs them."""
    for deployment in deployments(run, ServingConfig(), Patience()):
        deployment.apply()
    run.ledger.append(Trained(iteration=1, checkpoint="c", sha256="s", sections=[0], final_loss=0.1, seconds=1.0))
    run.ledger.append(Gated(iteration=1, decision=GateDecision(promoted=True, reason="first model")))
    return run


def traces(run: Run) -> list[FlowRun]:
    with get_client(sync_client=True) as api:
        deployment = api.read_deployment_by_name(f"{TRACE}/{name_of(run)}")
        return [one for one in api.read_flow_runs() if one.deployment_id == deployment.id]


def end(flow_run: FlowRun, state: Any) -> None:
    with get_client(sync_client=True) as api:
        api.set_flow_run_state(flow_run.id, state, force=True)


def test_a_promoted_model_is_traced_once_and_again_where_that_broke_off(deployed: Run) -> None:
    assert start_trace(deployed) == "model 1 is started"
    assert start_trace(deployed) == "model 1 is under way"
    for attempt in range(1, ATTEMPTS + 1):
        (latest,) = [one for one in traces(deployed) if one.state and not one.state.is_final()]
        assert latest.idempotency_key == f"{name_of(deployed)}-model-1-{attempt}"
        end(latest, Crashed())
        said = start_trace(deployed)
        assert said == "model 1 is started" if attempt < ATTEMPTS else said.startswith("model 1 broke off 3 times")
    assert len(traces(deployed)) == ATTEMPTS


@pytest.mark.parametrize("state", [Completed(), Cancelled()])
def test_a_trace_that_is_done_or_not_wanted_is_not_started_again(deployed: Run, state: Any) -> None:
    start_trace(deployed)
    (only,) = traces(deployed)
    end(only, state)
    assert start_trace(deployed) == "model 1 is done with"
    assert len(traces(deployed)) == 1


def test_a_turn_that_broke_off_three_times_waits_for_somebody(deployed: Run) -> None:
    for _ in range(ATTEMPTS):
        assert start_next_turn(deployed) == "iteration 1 is started"
        with get_client(sync_client=True) as api:
            tagged = [one for one in api.read_flow_runs() if name_of(deployed) in (one.idempotency_key or "")]
        (latest,) = [one for one in tagged if one.state and not one.state.is_final()]
        end(latest, Crashed())
    assert start_next_turn(deployed).startswith("iteration 1 broke off 3 times; start it by hand")


@pytest.mark.parametrize(
    ("fault", "served", "calls"),
    [
        (ServerUnavailable("away", given="x", expected="y", fix="z"), True, 3),
        (OSError("disk full"), True, 3),
        (InputError("wrong", given="x", expected="y", fix="z"), True, 1),
        (OSError("disk full"), False, 1),
    ],
)
def test_a_served_step_is_tried_again_unless_its_input_is_at_fault(
    prefect_server: None, monkeypatch: pytest.MonkeyPatch, fault: Exception, served: bool, calls: int
) -> None:
    if served:
        monkeypatch.setenv("PREFECT__RUNTIME__DEPLOYMENT__ID", "of-a-test")
    called: list[float] = []

    def fails_twice() -> str:
        called.append(time.monotonic())
        if len(called) < 3:
            raise fault
        return "done"

    @flow
    def turn() -> str:
        return step(fails_twice, delays_s=(0.2, 0.6))()

    if calls == 3:
        assert turn() == "done"
        assert called[1] - called[0] > 0.15
        assert called[2] - called[1] > 0.55
    else:
        with pytest.raises(type(fault)):
            turn()
    assert len(called) == calls


@pytest.fixture
def asked(tmp_path: Path, phantom: Path, prefect_server: None) -> Iterator[Run]:
    run = init_run(tmp_path / "run", quick_config(phantom))
    yield run
    server.down(run.folder.annotation)


def test_what_an_annotator_submits_asks_prefect_for_a_look(asked: Run) -> None:
    (task,) = ask(asked, 5)
    wanted = {"event": {"name": [LOOK]}, "resource": {"id": [resource_of(asked)["prefect.resource.id"]]}}

    def looks() -> int:
        found = httpx.post(f"{PREFECT_API_URL.value()}/events/filter", json={"filter": wanted}, timeout=30)
        return int(found.raise_for_status().json()["total"])

    with _listening(asked), connect(server.up(asked.folder.annotation)) as client:
        while not list(client.webhooks.list()):  # it is ready to be called
            time.sleep(0.1)
        assert looks() == 0
        submit(client, task)
        deadline = time.monotonic() + 120
        while not looks():
            assert time.monotonic() < deadline
            time.sleep(0.2)
