"""Seeds of a bake-off in processes beside each other, one thread each."""

import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path

from flows.bakeoff.plan import Plan
from flows.bakeoff.seed import simulate_seed, turns_done
from loop.errors import ProofloopError
from loop.progress import Progress

_LOOK_S = 0.5


@dataclass(frozen=True)
class _Worker:
    """A process and what it says before it ends."""

    process: SpawnProcess
    said: Connection


def simulate_beside(plan: Plan, out: Path, seeds: list[int], *, jobs: int, progress: Progress) -> None:
    """Simulate seeds, `jobs` at a time; when this process ends, so do they.

    Raises
    ------
    ProofloopError
        As a process told, with its exit code; or one ended otherwise.
    """
    waiting, working = list(seeds), list[_Worker]()
    try:
        with _one_thread_each():
            while waiting or working:
                working = [worker for worker in working if not _ended(worker)]
                while waiting and len(working) < jobs:
                    working.append(_started(plan, out, waiting.pop(0)))
                progress(*turns_done(plan, out))
                time.sleep(_LOOK_S)
    finally:
        for worker in working:
            worker.process.terminate()
            worker.process.join()


def _started(plan: Plan, out: Path, seed: int) -> _Worker:
    context = multiprocessing.get_context("spawn")
    said, says = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(plan, out, seed, says), daemon=True)
    process.start()
    return _Worker(process, said)


def _work(plan: Plan, out: Path, seed: int, says: Connection) -> None:
    try:
        simulate_seed(plan, out, seed, _end_with_parent)
    except ProofloopError as error:
        says.send((str(error), error.exit_code))
        sys.exit(error.exit_code)


def _end_with_parent(done: int, total: int, note: str = "") -> None:  # noqa: ARG001  # as a Progress is called
    """End when the process that wants the results was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None and not parent.is_alive():
        sys.exit(1)


def _ended(worker: _Worker) -> bool:
    code = worker.process.exitcode
    if not code:
        return code is not None
    if not worker.said.poll():
        raise ProofloopError(f"a simulation ended with code {code}; call it again to go on")
    problem, exit_code = worker.said.recv()
    error = ProofloopError(problem)
    error.exit_code = exit_code
    raise error


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let processes that are started meanwhile compute in one thread: more would wait for each other."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before
