"""Who does the tasks: this process, a Dask cluster of this machine, or one that runs elsewhere."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import cv2
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from flows.blocks import Crew, Task, do_here
from flows.config import config_error
from loop.errors import InputError, ProofloopError

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


class Workers(BaseModel):
    """How many processes work at once, and where."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    count: int = Field(default=1, ge=1)
    """Processes of this machine, of one thread each; 1 is this process itself, with as many threads as there are."""
    scheduler: str | None = None
    """Address of a running Dask scheduler in place of them, for instance tcp://10.0.0.5:8786."""
    memory_gib: float | None = Field(default=None, gt=0)
    """Of each worker: a local one that takes more is restarted, and blocks are cut to fit. By default 4."""

    @property
    def apart(self) -> bool:
        """Whether others than this process do the work."""
        return self.count > 1 or self.scheduler is not None

    @property
    def limit_gib(self) -> float:
        """What each worker may take."""
        return self.memory_gib or 4.0


def workers_of(count: int, scheduler: str | None, memory_gib: float | None) -> Workers:
    """Check what was asked for on the command line."""
    try:
        return Workers(count=count, scheduler=scheduler, memory_gib=memory_gib)
    except ValidationError as error:
        raise config_error("of the workers", error) from error


@contextmanager
def crew_of(workers: Workers) -> Iterator[Crew]:
    """Give those who do tasks, as long as the block lasts.

    A task of a worker that is lost is done again by another, idle workers take tasks from busy ones.

    Raises
    ------
    InputError
        If there is no scheduler at the address.
    ProofloopError
        If a task loses its worker again and again.
    """
    if not workers.apart:
        yield do_here
        return
    from distributed import Client

    if workers.scheduler is not None:
        with _connected(workers.scheduler) as client:
            yield _crew(client)
        return
    with local_cluster(workers) as cluster, Client(cluster) as client:  # type: ignore[no-untyped-call]
        yield _crew(client)


@contextmanager
def local_cluster(workers: Workers) -> Iterator[Any]:
    """Start a Dask cluster of this machine, of workers of one thread each, as long as the block lasts."""
    import dask
    from distributed import LocalCluster

    with (
        # a task at a time for each, since they take seconds: none shall wait for one worker while another idles
        dask.config.set({"distributed.scheduler.worker-saturation": 1.0}),
        LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=workers.count,
            threads_per_worker=1,
            memory_limit=f"{workers.limit_gib}GiB",
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.ERROR,  # what is lost is done again, and told of if that is in vain
            host="127.0.0.1",
            env=_ONE_THREAD,
        ) as cluster,
    ):
        yield cluster


@contextmanager
def _connected(address: str) -> Iterator[Any]:
    from distributed import Client

    try:
        client = Client(address, timeout="10s")  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise InputError(
            "there is no Dask scheduler",
            given=f"{address} ({error})",
            expected="the address of a running one, for instance tcp://10.0.0.5:8786",
            fix="start one with: dask scheduler, and workers with: dask worker ADDRESS --nthreads 1",
        ) from error
    with client:
        yield client


def _crew(client: Any) -> Crew:
    from distributed import KilledWorker, as_completed

    def do(tasks: Sequence[Task], finished: Callable[[Task], None]) -> None:
        mark = uuid4().hex  # the cluster may remember tasks of the same name
        futures: dict[str, Any] = {}
        by_key: dict[tuple[str, int], Task] = {}
        for number, task in enumerate(tasks):
            # by the name before the number Dask knows that tasks are alike, and so how long they take
            key = (f"{task.do.__name__}-{mark}", number)
            by_key[key] = task
            futures[task.name] = client.submit(
                _do_after,
                task.do,
                task.arguments,
                [futures[name] for name in task.after if name in futures],
                key=key,
                priority=(len(tasks) if task.urgent else 0) - number,  # in order, which Dask does not keep by itself
            )
        try:
            for future in as_completed(list(futures.values())):  # type: ignore[no-untyped-call]
                task = by_key[future.key]
                future.result()
                finished(task)
                del futures[task.name]  # else it would be done again when its worker is lost
        except KilledWorker as error:
            raise ProofloopError(
                f"a worker was lost again and again at the same task: {error}. It may need more memory than a worker"
                " has: give --memory, or fewer workers; the same command goes on from here"
            ) from error
        finally:
            client.cancel(list(futures.values()))

    return do


def _do_after(do: Callable[..., None], arguments: tuple[Any, ...], _earlier: list[None]) -> None:
    cv2.setNumThreads(1)
    do(*arguments)
