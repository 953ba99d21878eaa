"""The deployments of a run: what starts its flows, with which parameters, and how many at once."""

from datetime import timedelta
from typing import Any

from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.deployments.runner import RunnerDeployment
from prefect.events import DeploymentEventTrigger
from prefect.flows import Flow
from prefect.schedules import Cron, Interval, Schedule
from prefect.types.entrypoint import EntrypointType
from tzlocal import get_localzone_name

from flows.config import ServingConfig
from flows.runs import Run
from flows.serving.deployed import ingest_run, iterate_run, trace_promoted
from flows.serving.dispatching import LOOK, name_of, resource_of
from loop.waiting import Patience

# What is turned away is found again by the next look, which asks the ledger; a trace waits for that of the last model.
_ONE = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW)
_QUEUE = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.ENQUEUE)


def deployments(run: Run, serving: ServingConfig, patience: Patience) -> list[RunnerDeployment]:
    """Make the deployments of a run.

    Parameters
    ----------
    run : Run
    serving : ServingConfig
        Schedule of turns, interval of looks.
    patience : Patience
        Default of the looks' parameter of that name.
    """
    asked = DeploymentEventTrigger(
        name=f"look at the answers of {name_of(run)}",
        expect={LOOK},
        match={"prefect.resource.id": resource_of(run)["prefect.resource.id"]},
    )
    return [
        _deployment(run, iterate_run, _ONE, {"turn": {"at_least": 1}}, schedules=_schedules(serving)),
        _deployment(
            run,
            ingest_run,
            _ONE,
            {"patience": patience.model_dump()},
            schedules=[Interval(timedelta(minutes=serving.poll_minutes))],
            triggers=[asked],
        ),
        _deployment(run, trace_promoted, _QUEUE, {}),
    ]


def _schedules(serving: ServingConfig) -> list[Schedule]:
    return [Cron(serving.schedule, timezone=get_localzone_name())] if serving.schedule else []


def _deployment(
    run: Run, flow: Flow[..., str], limit: ConcurrencyLimitConfig, parameters: dict[str, Any], **starts: Any
) -> RunnerDeployment:
    return RunnerDeployment.from_flow(
        flow,
        name=name_of(run),
        tags=["proofloop", run.name],
        parameters={"root": str(run.folder.root.resolve()), **parameters},
        concurrency_limit=limit,
        description=flow.description,
        entrypoint_type=EntrypointType.MODULE_PATH,
        **starts,
    )
