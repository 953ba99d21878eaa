"""Steps of an iteration as Prefect runs them: tried again where nobody is there to do so."""

from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar

from prefect import State, Task
from prefect.client.schemas.objects import TaskRun
from prefect.runtime import deployment

from loop.errors import ProofloopError, ServerUnavailable

_P = ParamSpec("_P")
_R = TypeVar("_R")
_DELAYS_S = (60.0, 600.0, 1800.0)


def step(function: Callable[_P, _R], *, delays_s: Sequence[float] = _DELAYS_S) -> Task[_P, _R]:
    """Make a task of a function: in a deployment it is tried again, by default after 1, 10 and 30 minutes.

    By then a server may be up or a disk have room. At a terminal its reader decides. What the ledger has already is
    passed over, so that only what failed is done again.
    """
    return Task(function, retries=len(delays_s), retry_delay_seconds=[*delays_s], retry_condition_fn=_may_pass)


def _may_pass(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    if deployment.id is None:
        return False
    try:
        state.result()
    except BaseException as error:
        return may_pass(error)
    return False


def may_pass(error: BaseException) -> bool:
    """Whether the same call may succeed later with nothing changed: not where its input or the data are at fault."""
    return isinstance(error, ServerUnavailable) or not isinstance(error, ProofloopError)
