"""What a killed `proofloop serve` leaves behind in Prefect: flow runs that nobody runs any more."""

from typing import Any

from prefect import State
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId
from prefect.client.schemas.objects import StateType
from prefect.states import Crashed

from flows.runs import Run
from flows.serving.dispatching import INGEST, ITERATE, TRACE, name_of

_AT_WORK = (StateType.RUNNING, StateType.PENDING, StateType.CANCELLING)


def clear_broken_off(run: Run) -> int:
    """Mark the flow runs of a serving that is gone as crashed, so that others may start; give their number.

    Only for whoever serves the run: the flows of the last one ended with it.
    """
    cleared = 0
    with get_client(sync_client=True) as client:
        for flow in (ITERATE, INGEST, TRACE):
            deployment = client.read_deployment_by_name(f"{flow}/{name_of(run)}")
            ours = FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[deployment.id]))
            for one in client.read_flow_runs(flow_run_filter=ours):
                if one.state_type in _AT_WORK:
                    gone: State[Any] = Crashed(message="Its process is gone; the next goes on where it was.")
                    client.set_flow_run_state(one.id, gone, force=True)
                    cleared += 1
    return cleared
