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
    """Start the next turn if it is the machine's; say what is waited for, or what was started.

    Two callers at once start one: they agree on the idempotency key, `RUN-ITERATION-ATTEMPT`. A turn that was broken
    off is started again, at most `ATTEMPTS` times in all before people are told.
    """
    if (people := waiting(run.ledger)) is not None:
        return people.describe()
    if nothing_left_to_ask(run.ledger):
        return "the last turn found nothing to ask; nothing is started"
    iteration = position(run.ledger).iteration
    with get_client(sync_client=True) as client:
        name = f"{ITERATE}/{name_of(run)}"
        started = _runs(client, name, f"iteration-{iteration}")
        if any(not _is_over(one) for one in started):
            return f"iteration {iteration} is under way"
        failed = [one for one in started if one.state is not None and (one.state.is_failed() or one.state.is_crashed())]
        if len(failed) >= ATTEMPTS:
            text = f"iteration {iteration} broke off {len(failed)} times; start it by hand once that is mended"
            notify(run.folder.root, "failure", f"proofloop {run.name} stands still", text)
            return text
        _start(client, name, f"iteration-{iteration}", attempt=len(started) + 1)
    return f"iteration {iteration} is started"


def start_trace(run: Run) -> None:
    """Have axons traced with the promoted model, once for each promotion, where the configuration wants it."""
    promoted = promoted_model(run)
    if promoted is None or not run.config.serving.trace_promoted:
        return
    with get_client(sync_client=True) as client:
        _start(client, f"{TRACE}/{name_of(run)}", f"model-{promoted.iteration}", attempt=1)


def _start(client: SyncPrefectClient, name: str, what: str, *, attempt: int) -> None:
    deployment = client.read_deployment_by_name(name)
    client.create_flow_run_from_deployment(
        deployment.id, tags=[what], idempotency_key=f"{deployment.name}-{what}-{attempt}"
    )


def _runs(client: SyncPrefectClient, name: str, tag: str) -> list[FlowRun]:
    deployment = client.read_deployment_by_name(name)
    return client.read_flow_runs(
        flow_run_filter=FlowRunFilter(
            deployment_id=FlowRunFilterDeploymentId(any_=[deployment.id]), tags=FlowRunFilterTags(all_=[tag])
        )
    )


def _is_over(one: FlowRun) -> bool:
    return one.state is not None and one.state.is_final()
