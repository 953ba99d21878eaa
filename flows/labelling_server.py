"""The Label Studio of a run as its configuration has it: the embedded one, or the lab's own."""

import threading
from contextlib import suppress
from pathlib import Path

from annotation.connection import lab_server
from annotation.database import PostgreSQL, parse_database
from annotation.server import Server, up
from flows.runs import Run
from loop.errors import ProofloopError
from loop.progress import Progress, silent


def server_of(run: Run, *, port: int | None = None, progress: Progress = silent) -> Server:
    """Start or find the run's Label Studio.

    Raises
    ------
    InputError
        The configuration of the server cannot be used.
    ServerUnavailable
        It does not start, or does not let us in.
    """
    config = run.config.annotation
    if config.server.url:
        token_file = Path(config.server.token_file) if config.server.token_file else None
        return lab_server(config.server.url, run.folder.annotation, token_file=token_file, project=project_title(run))
    chosen = config.port if port is None else port
    return up(run.folder.annotation, port=chosen, database=database_of(run), progress=progress)


def start_early(run: Run) -> None:
    """Have the embedded server come up while this process does other work; whoever needs it waits for it.

    It outlives this process in any case, and is found by the next also where this one is killed meanwhile. That it
    does not come up is told by the step that needs it.
    """

    def start() -> None:
        with suppress(ProofloopError, OSError):
            server_of(run)

    if not run.config.annotation.server.url:
        threading.Thread(target=start, name="start Label Studio", daemon=True).start()


def database_of(run: Run) -> PostgreSQL | None:
    """Give the PostgreSQL of the embedded server, None where it keeps SQLite."""
    url = run.config.annotation.database
    return parse_database(url, run.folder.annotation) if url else None


def project_title(run: Run) -> str:
    """Name the run's project on a server that several runs may share; a run that is moved keeps it."""
    return f"proofloop {run.ledger.created().at:%Y-%m-%d %H:%M:%S.%f}"
