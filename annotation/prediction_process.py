"""The prediction service beside the embedded server: started, connected to the run's project, stopped."""

import secrets
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import psutil

from annotation.installation import locked
from annotation.ports import HOST, choose_port
from annotation.prediction_service import USER, basic_credentials
from annotation.project import connect, ensure_project
from annotation.server import Server
from annotation.server_process import ServerProcess, known_process, remember
from loop.atomic import write_text
from loop.errors import ServerUnavailable

_NAME = "service"
_TITLE = "proofloop"
_START_DEADLINE_S = 60.0
_PREDICT_TIMEOUT_S = 100.0


def start_service(directory: Path, command: Sequence[str], *, port: int | None = None) -> ServerProcess:
    """Start the service of a run, or find it running.

    Parameters
    ----------
    directory : Path
        RUN/annotation.
    command : sequence of str
        Runs `prediction_service.serve`; the port and the file of the password are added to it.
    port : int, optional
        Taken as it is or refused; without it the last, or a free one.

    Raises
    ------
    ServerUnavailable
        The port is taken.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    with locked(directory / f"{_NAME}.lock"):
        known = known_process(directory, _NAME)
        if known and known.alive:
            return known
        chosen = choose_port(port, known.port if known else None)
        password = _password_file(directory)
        if not password.exists():
            password.parent.mkdir(exist_ok=True, mode=0o700)
            write_text(password, secrets.token_urlsafe(18) + "\n", mode=0o600)
        with (directory / f"{_NAME}.log").open("wb") as log:
            process = subprocess.Popen(
                [*command, str(chosen), str(password)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        started = ServerProcess(port=chosen, pid=process.pid, created_s=psutil.Process(process.pid).create_time())
        remember(directory, started, _NAME)
        return started


def connect_service(server: Server) -> None:
    """Wait until the service answers and make it the project's, also where it has another port than before.

    Raises
    ------
    ServerUnavailable
        It does not come up.
    """
    known = known_process(server.directory, _NAME)
    deadline = time.monotonic() + _START_DEADLINE_S
    while not _answers(server.directory):
        if known is None or not known.alive or time.monotonic() > deadline:
            raise ServerUnavailable(
                "the prediction service does not come up",
                given=f"the log {server.directory / f'{_NAME}.log'}",
                expected=f"an answer within {_START_DEADLINE_S:.0f} s",
                fix="mend what the log names; all other work goes on without it",
            )
        time.sleep(0.2)
    assert known is not None
    url = f"http://{HOST}:{known.port}"
    with connect(server) as client:
        project = ensure_project(client, server)
        held = [backend for backend in client.ml.list(project=project) if backend.title == _TITLE]
        if any(backend.url == url for backend in held):
            return
        for backend in held:
            client.ml.delete(int(backend.id or 0))
        client.ml.create(
            project=project,
            url=url,
            title=_TITLE,
            auth_method="BASIC_AUTH",
            basic_auth_user=USER,
            basic_auth_pass=_password(server.directory),
            is_interactive=True,
            timeout=_PREDICT_TIMEOUT_S,
        )


def stop_service(directory: Path) -> bool:
    """Stop the service of a run; tell whether it ran."""
    known = known_process(directory, _NAME)
    if known is None or not known.alive:
        return False
    known.stop()
    remember(directory, known.stopped(), _NAME)
    return True


def service_url(directory: Path) -> str | None:
    """Give the address of the service of a run, None where it does not answer."""
    known = known_process(directory, _NAME)
    return f"http://{HOST}:{known.port}" if known and known.alive and _answers(directory) else None


def _answers(directory: Path) -> bool:
    known = known_process(directory, _NAME)
    if known is None:
        return False
    headers = {"Authorization": basic_credentials(_password(directory))}
    try:
        answer = httpx.get(f"http://{HOST}:{known.port}/health", headers=headers, timeout=2, trust_env=False)
    except httpx.HTTPError:
        return False
    return answer.status_code == 200


def _password(directory: Path) -> str:
    return _password_file(directory).read_text(encoding="utf-8").strip()


def _password_file(directory: Path) -> Path:
    return directory / "secrets" / _NAME
