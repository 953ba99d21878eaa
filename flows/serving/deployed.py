"""The flows that Prefect runs for a lab. Each asks the ledger what is to be done, and does that or nothing.

Their parameters are the form in Prefect's page: no token is among them.
"""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from prefect import State, flow
from prefect.client.schemas.objects import FlowRun
from prefect.flows import Flow
from prefect.logging import get_run_logger
from prefect.runtime import deployment
from pydantic import BaseModel, ConfigDict, Field

from flows.ingesting import close_iteration, ingest_submissions
from flows.iterate import take_turn
from flows.runs import at_work_on, open_run
from flows.serving.dispatching import ask_for_look, start_next_turn, start_trace
from flows.serving.notifying import notify
from flows.serving.parentage import end_with_parent
from flows.serving.retrying import step
from flows.serving.secret_values import take_secrets
from flows.serving.turn_news import tell_news
from loop.errors import ProofloopError
from loop.holding import FolderHeld
from loop.waiting import Patience, nothing_left_to_ask, waiting

_LONG_S = 14 * 86400.0
_LOOK_S = 3600.0
_GRACE_S = 60.0
"""From Prefect's timeout, which torch and numpy do not hear, to the end of the process."""
_LOOK_AGAIN_AFTER_S = (20.0, 120.0)

_FORM = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class TurnForm(BaseModel):
    """When a turn goes on although people still have tasks."""

    model_config = _FORM

    at_least: int = Field(default=1, ge=0, le=100_000, title="New corrections")
    """So many must be there; with fewer what came is only taken in. 0 waits for every task."""


class TraceForm(BaseModel):
    """What is traced."""

    model_config = _FORM

    sections: str = Field(default="", pattern=r"^(\d+:\d+)?$", title="Sections", max_length=40)
    """Those to trace, start:stop; all where it is empty."""


def tell_failure(flow: Flow[..., str], flow_run: FlowRun, state: State[str]) -> None:
    """Tell people that a flow failed; Prefect calls it by these names."""
    take_secrets()
    root = Path(str(flow_run.parameters["root"]))
    notify(root, "failure", f"proofloop {root.resolve().name}: {flow.name} {state.name}", state.message or "no message")


@flow(
    name="proofloop-iterate",
    flow_run_name="turn of {root.name}",
    timeout_seconds=_LONG_S,
    on_failure=[tell_failure],
    on_crashed=[tell_failure],
)
def iterate_run(root: Path, turn: TurnForm = TurnForm()) -> str:  # noqa: B008 - frozen
    """Take a turn: train, predict, measure, gate, rank, publish. Goes on where an earlier one was broken off.

    A schedule starts it, or the look that found enough corrections. It does nothing where nothing has changed.

    Parameters
    ----------
    root : Path
        Folder of the run, on the machine that serves it.
    turn : TurnForm
        When it goes on although people still have tasks.
    """
    _begin(_LONG_S)
    try:
        with at_work_on(root) as run:
            take_in(root)
            people = waiting(run.ledger)
            if people and turn.at_least and people.corrections >= turn.at_least:
                close_iteration(run)
                people = None
            if people:
                return f"nothing to do: {people.describe()}"
            if nothing_left_to_ask(run.ledger):
                return "nothing to do: the last turn found nothing to ask"
            closed = take_turn(root)
            start_trace(run)
            tell_news(run)
            if closed:
                ask_for_look(run)  # it starts the next turn once this one has let go
            return "closed" if closed else "published"
    except FolderHeld as error:
        return f"nothing done: {error.problem}, {error.given}"


@flow(
    name="proofloop-ingest",
    flow_run_name="look at the answers of {root.name}",
    timeout_seconds=_LOOK_S,
    on_failure=[tell_failure],
    on_crashed=[tell_failure],
)
def ingest_run(root: Path, patience: Patience = Patience()) -> str:  # noqa: B008 - frozen
    """Take in what annotators submitted, and start the next turn once there is enough of it or it is late enough.

    An interval starts it, and Label Studio's call. It also starts again a turn that was broken off.

    Parameters
    ----------
    root : Path
        Folder of the run, on the machine that serves it.
    patience : Patience
        How long a turn waits for people.
    """
    _begin(_LOOK_S)
    try:
        with at_work_on(root) as run:
            take_in(root)
            people = waiting(run.ledger)
            why = people.over_because(patience, datetime.now(UTC)) if people else None
            if people and why:
                close_iteration(run)
                notify(root, "batch", f"proofloop {run.name}: the turn goes on", f"{why}; {people.describe()}")
    except FolderHeld as error:
        return f"nothing done: {error.problem}, {error.given}"
    start_trace(run)
    return start_next_turn(run)


@flow(
    name="proofloop-trace",
    flow_run_name="trace {root.name}",
    timeout_seconds=_LONG_S,
    on_failure=[tell_failure],
    on_crashed=[tell_failure],
)
def trace_promoted(root: Path, what: TraceForm = TraceForm()) -> str:  # noqa: B008 - frozen
    """Trace axons through the run's volume with its promoted model, into RUN/axons. Starts after a promotion.

    Parameters
    ----------
    root : Path
        Folder of the run, on the machine that serves it.
    what : TraceForm
        What is traced.
    """
    from flows.serving.trace import trace_run  # torch and more, of which a look has no use

    _begin(_LONG_S)
    return step(trace_run)(root, what.sections)


def _begin(timeout_s: float) -> None:
    if deployment.id is not None:  # else it runs in a process that others own
        end_with_parent(limit_s=timeout_s + _GRACE_S)
    take_secrets()


@partial(step, delays_s=_LOOK_AGAIN_AFTER_S)
def take_in(root: Path) -> None:
    """Take in what came; faults go back to their annotators and end nothing."""
    run = open_run(root)
    people = waiting(run.ledger)
    if people is None:
        return
    try:
        ingest_submissions(run)
    except ProofloopError as error:
        if error.exit_code != 1:  # the server, not a submission
            raise
        get_run_logger().warning(str(error))
    if waiting(run.ledger) is None:
        notify(run.folder.root, "batch", f"proofloop {run.name}: every task is answered", people.describe())
