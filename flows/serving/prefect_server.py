"""The Prefect server of a run: on loopback, its database in RUN/prefect, found again by every later command."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from annotation.ports import HOST, choose_port
from annotation.server_process import ServerProcess, known_process, remember
from loop.errors import ServerUnavailable
from loop.progress import Progress, silent

API = "PREFECT_API_URL"
_START_DEADLINE_S = 180.0
_LOOK_AFTER_S = 5.0
_SERVER = ["-m", "uvicorn", "--factory", "prefect.server.api.server:create_app", "--log-level", "warning"]
_SETTINGS = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    # slots survive a server that is killed
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    # a look every few minutes for months would fill the disk
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(30 * 86400),
}


def prefect_folder(root: Path) -> Path:
    """Name the folder of a run's Prefect server."""
    return root / "prefect"


def use_running_server(root: Path) -> None:
    """Have this process's flows told to the run's server, where it runs and the environment names no other."""
    known = known_process(prefect_folder(root))
    if API not in os.environ and known and known.alive and _answers(known.port):
        os.environ[API] = _api(known.port)


@contextmanager
def prefect_server(root: Path, *, port: int | None = None, progress: Progress = silent) -> Iterator[str]:
    """Keep a Prefect server up while the block runs; another start goes on with its database.

    Parameters
    ----------
    root : Path
        The run. One that a killed command left behind is taken over.
    port : int, optional
        Taken as it is or refused; without it, the last port, or a free one.
    progress : Progress
        Counts the seconds of starting.

    Yields
    ------
    str
        Address of its API. Where `PREFECT_API_URL` names the lab's own server that is it, and nothing is started.

    Raises
    ------
    ServerUnavailable
        The port is taken, or the server does not come up.
    """
    if API in os.environ:
        yield os.environ[API]
        return
    folder = prefect_folder(root).resolve()
    folder.mkdir(mode=0o700, exist_ok=True)
    server = _started(folder, port, progress)
    ended = threading.Event()
    watchman = threading.Thread(target=_keep_up, args=(folder, ended), name="prefect-server", daemon=True)
    watchman.start()
    os.environ[API] = _api(server.port)
    try:
        yield os.environ[API]
    finally:
        del os.environ[API]
        ended.set()
        watchman.join()
        if (last := known_process(folder)) is not None:
            last.stop()
            remember(folder, last.stopped())


def _keep_up(folder: Path, ended: threading.Event) -> None:
    """Start the server again where it was killed."""
    while not ended.wait(_LOOK_AFTER_S):
        known = known_process(folder)
        if known is None or not known.alive:
            _start(folder, choose_port(None, known.port if known else None))


def _started(folder: Path, port: int | None, progress: Progress) -> ServerProcess:
    known = known_process(folder)
    if known and known.alive and port in (None, known.port):
        server = known
    else:
        if known:
            known.stop()
        server = _start(folder, choose_port(port, known.port if known else None))
    begun = time.monotonic()
    while (waited := time.monotonic() - begun) < _START_DEADLINE_S and server.alive:
        if _answers(server.port):
            progress(1, 1, "Prefect is up")
            return server
        progress(int(waited), int(_START_DEADLINE_S), "starting Prefect")
        time.sleep(0.1)
    server.stop()
    said = (folder / "server.log").read_text(errors="replace").splitlines()[-15:]
    raise ServerUnavailable(
        "Prefect does not come up",
        given="\n".join(said),
        expected=f"an answer on {_api(server.port)} within {_START_DEADLINE_S:.0f} s",
        fix=f"mend what {folder / 'server.log'} names; or name a server that runs by {API}",
    )


def _start(folder: Path, port: int) -> ServerProcess:
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *_SERVER, "--host", HOST, "--port", str(port)],
            env=_environment(folder, port, os.environ),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a Ctrl-C ends it last, by us
        )
    server = ServerProcess(port=port, pid=process.pid, created_s=psutil.Process(process.pid).create_time())
    remember(folder, server)
    return server


def _environment(folder: Path, port: int, inherited: Mapping[str, str]) -> dict[str, str]:
    own = {"PREFECT_HOME": str(folder), "PREFECT_SERVER_API_HOST": HOST, "PREFECT_SERVER_API_PORT": str(port)}
    return _SETTINGS | {name: value for name, value in inherited.items() if name != API} | own


def _api(port: int) -> str:
    return f"http://{HOST}:{port}/api"


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"{_api(port)}/health", timeout=5, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
