"""Starting one flow after another: at most once each, whoever asks and however often."""

import hashlib
import re

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId, FlowRunFilterTags
from prefect.client.schemas.objects import FlowRun
from prefect.events import emit_event

from flows.predicted import promoted_model
from flows.runs import Run
from flows.serving.notifying import notify
from loop.iteration import position
from loop.waiting import nothing_left_to_ask, waiting

ITERATE, INGEST, TRACE = "proofloop-iterate", "proofloop-ingest", "proofloop-trace"
LOOK = "proofloop.look"
"""Event that starts a look at the annotators' answers."""
ATTEMPTS = 3


def name_of(run: Run) -> str:
    """Name a run's deployments; another run of that name on the same server has another, and a moved run keeps it."""
    slug = re.sub(r"[^a-z0-9]+", "-", run.name.lower()).strip("-") or "run"
    return f"{slug}-{hashlib.sha256(run.ledger.created().at.isoformat().encode()).hexdigest()[:6]}"


def resource_of(run: Run) -> dict[str, str]:
    """Name a run in events."""
    return {"prefect.resource.id": f"proofloop.run.{name_of(run)}", "prefect.resource.name": run.name}


def ask_for_look(run: Run) -> None:
    """Have the answers looked at soon. A call that is lost costs one interval of polling."""
    emit_event(LOOK, resource=resource_of(run))


def start_next_turn(run: Run) -> str:
    """Start the next turn if it is the machine's; say what is waited for, or what was started."""
    if (people := waiting(run.ledger)) is not None:
        return people.describe()
    if nothing_left_to_ask(run.ledger):
        return "the last turn found nothing to ask; nothing is started"
    return _start(run, ITERATE, "iteration", position(run.ledger).iteration)


def start_trace(run: Run) -> str:
    """Have axons traced with the promoted model, once for each promotion, where the configuration wants it."""
    promoted = promoted_model(run)
    if promoted is None or not run.config.serving.trace_promoted:
        return "nothing is to be traced"
    return _start(run, TRACE, "model", promoted.iteration)


def _start(run: Run, flow: str, what: str, number: int) -> str:
    """Start a flow for an iteration or a model, unless that is under way or done; say what came of it.

    Two callers at once start one: they agree on the idempotency key, `RUN-WHAT-NUMBER-ATTEMPT`. What was broken off is
    started again, at most `ATTEMPTS` times in all before people are told.
    """
    name, tag = f"{flow}/{name_of(run)}", f"{what}-{number}"
    with get_client(sync_client=True) as client:
        started = _runs(client, name, tag)
        states = [one.state for one in started if one.state is not None]
        if len(states) < len(started) or not all(state.is_final() for state in states):
            return f"{what} {number} is under way"
        # whether a turn is done stands in the ledger; a trace that somebody cancelled is not wanted
        if flow == TRACE and any(state.is_completed() or state.is_cancelled() for state in states):
            return f"{what} {number} is done with"
        failed = sum(state.is_failed() or state.is_crashed() for state in states)
        if failed >= ATTEMPTS:
            text = f"{what} {number} broke off {failed} times; start it by hand once that is mended"
            notify(run.folder.root, "failure", f"proofloop {run.name}: {flow} stands still", text)
            return text
        deployment = client.read_deployment_by_name(name)
        client.create_flow_run_from_deployment(
            deployment.id, tags=[tag], idempotency_key=f"{deployment.name}-{tag}-{len(started) + 1}"
        )
    return f"{what} {number} is started"


def _runs(client: SyncPrefectClient, name: str, tag: str) -> list[FlowRun]:
    deployment = client.read_deployment_by_name(name)
    return client.read_flow_runs(
        flow_run_filter=FlowRunFilter(
            deployment_id=FlowRunFilterDeploymentId(any_=[deployment.id]), tags=FlowRunFilterTags(all_=[tag])
        )
    )
