"""`proofloop serve`: a Prefect server, the deployments of a run, and an ear for Label Studio, until Ctrl-C.

Nothing that matters is in this process: killed or rebooted, the next start goes on by the ledger.
"""

import asyncio
import contextlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.markup import escape

from annotation.webhook import waking
from flows.config import ServingConfig
from flows.labelling_server import server_of
from flows.runs import Run, open_run
from flows.serving.prefect_server import prefect_folder, prefect_server
from flows.terminal import console, progress_bar
from loop.errors import ProofloopError
from loop.holding import held
from loop.waiting import Patience, waiting

_LOOK_EVERY_S = 5.0
_GATHER_S = 2.0
"""Calls within this time are one."""
_TRY_AGAIN_S = 60.0


def serve(root: Path, serving: ServingConfig, patience: Patience, *, port: int | None = None) -> None:
    """Serve a run's deployments until interrupted.

    Parameters
    ----------
    root : Path
        The run.
    serving, patience : ServingConfig, Patience
        When what starts.
    port : int, optional
        Of the Prefect server.

    Raises
    ------
    FolderHeld
        The run is served already.
    """
    run = open_run(root)
    prefect_folder(root).mkdir(mode=0o700, exist_ok=True)
    os.environ["PREFECT_LOGGING_LEVEL"] = "INFO"  # the page shows what a flow logs
    with held(prefect_folder(root)), _prefect(root, port) as api:
        _say(run, serving, patience, api)
        with _listening(run):
            _run_deployments(run, serving, patience)
    console.print("Stopped. Nothing is lost: the same command goes on from here.")


@contextmanager
def _prefect(root: Path, port: int | None) -> Iterator[str]:
    with contextlib.ExitStack() as stack:
        with progress_bar("start Prefect", "s") as progress:
            api = stack.enter_context(prefect_server(root, port=port, progress=progress))
        yield api


def _run_deployments(run: Run, serving: ServingConfig, patience: Patience) -> None:
    """Register the deployments, clear up after a start that was killed, look at once, and run what is due."""
    from prefect.runner import Runner  # reads the server's address when it is imported

    from flows.serving.clearing import clear_broken_off
    from flows.serving.deploy import deployments
    from flows.serving.dispatching import ask_for_look

    runner = Runner(name=f"serve-{run.name}", pause_on_shutdown=True, limit=None)
    for deployment in deployments(run, serving, patience):
        runner.add_deployment(deployment)
    clear_broken_off(run)
    ask_for_look(run)
    with contextlib.suppress(KeyboardInterrupt, SystemExit):
        asyncio.run(runner.start())


@contextmanager
def _listening(run: Run) -> Iterator[None]:
    """Pass on Label Studio's calls while the block runs."""
    ended = threading.Event()
    listener = threading.Thread(target=_listen, args=(run, ended), name="listen", daemon=True)
    listener.start()
    try:
        yield
    finally:
        ended.set()
        listener.join(_TRY_AGAIN_S)


def _listen(run: Run, ended: threading.Event) -> None:
    told = ""
    while not ended.wait(_LOOK_EVERY_S):
        if waiting(run.ledger) is None:
            continue
        try:
            _pass_on_calls(run, ended)
        except ProofloopError as error:  # Label Studio does not come up, say
            if str(error) != told:
                console.print(escape(told := str(error)), highlight=False)
            ended.wait(_TRY_AGAIN_S)


def _pass_on_calls(run: Run, ended: threading.Event) -> None:
    from flows.serving.dispatching import ask_for_look

    with waking(server_of(run)) as called:
        while waiting(run.ledger) is not None and not ended.is_set():
            if called.wait(_LOOK_EVERY_S):
                ended.wait(_GATHER_S)
                called.clear()
                ask_for_look(run)


def _say(run: Run, serving: ServingConfig, patience: Patience, api: str) -> None:
    name = escape(run.name)
    console.print(f"Prefect's page: [bold]{api.removesuffix('/api')}[/]")
    fires = [f"every {serving.poll_minutes:g} minutes, and when Label Studio calls: a look at the answers"]
    enough = "each of its tasks is answered or skipped"
    if patience.after_corrections:
        enough += f", or {patience.after_corrections} corrections are there"
    if patience.deadline_days:
        enough += f", or after {patience.deadline_days:g} days with at least {patience.at_least}"
    fires.append(f"the next turn, once of the last one {enough}")
    if serving.schedule:
        fires.append(f"a turn by the schedule {serving.schedule}, if there are new corrections")
    if serving.trace_promoted:
        fires.append("a trace, when a model is promoted")
    for line in fires:
        console.print(f"  {escape(line)}", highlight=False)
    people = waiting(run.ledger)
    console.print(f"Now: {people.describe() if people else 'a turn of the machine'}; Ctrl-C stops {name}'s serving.")
