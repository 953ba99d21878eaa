"""The embedded Label Studio of a run: loopback only, everything it writes below one folder.

It is a daemon: it outlives the command that started it, and any later command finds it by `server.json`.
"""

import os
import secrets
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import httpx
import psutil

from annotation.database import PostgreSQL
from annotation.installation import ensure_label_studio, isolated_environment, locked, template_folder
from annotation.ports import HOST, choose_port
from annotation.server_process import ServerProcess, known_process, orphans, remember
from loop.atomic import write_text
from loop.errors import ServerUnavailable
from loop.progress import Progress, silent

EMAIL = "annotator@proofloop.local"
PROJECT = "proofloop"
TOKEN_VARIABLE = "PROOFLOOP_LABEL_STUDIO_TOKEN"  # noqa: S105 - its name, no secret
_DATABASE = "database"
_START_DEADLINE_S = 180.0


@dataclass(frozen=True)
class Server:
    """A Label Studio, the embedded one or the lab's own: its address and where its secrets lie.

    Attributes
    ----------
    url : str
        To open in a browser.
    email : str
        Whose token it is; on the embedded server also the user name to log in with.
    directory : Path
        RUN/annotation: everything of the embedded server, and what was published to either.
    token_file : Path or None
        Readable by its owner alone. None where the environment variable PROOFLOOP_LABEL_STUDIO_TOKEN holds the token.
    password_file : Path or None
        Generated, readable by its owner alone. None for the lab's own server, which knows its people.
    files : Path or None
        The folder whose files the server shows to those who are logged in; None where images are uploaded.
    project : str
        Title of the run's project on it.
    """

    url: str
    email: str
    directory: Path
    token_file: Path | None
    password_file: Path | None
    files: Path | None
    project: str = PROJECT

    @property
    def is_embedded(self) -> bool:
        """Whether proofloop runs it."""
        return self.password_file is not None

    def token(self) -> str:
        """Read the access token."""
        return os.environ[TOKEN_VARIABLE] if self.token_file is None else self.token_file.read_text().strip()


@dataclass(frozen=True)
class ServerStatus:
    """What `status` found.

    Attributes
    ----------
    state : "down", "starting" or "up"
        Starting: the process is there but does not answer.
    server : Server or None
        None when it never ran here.
    pid : int or None
        Of the running process.
    log : Path
        What it printed.
    """

    state: Literal["down", "starting", "up"]
    server: Server | None
    pid: int | None
    log: Path


def up(
    directory: Path,
    *,
    port: int | None = None,
    database: PostgreSQL | None = None,
    progress: Progress = silent,
    executable: Path | None = None,
) -> Server:
    """Start the server of `directory`, or find it running.

    Parameters
    ----------
    directory : Path
        RUN/annotation; made where it is missing.
    port : int, optional
        Taken as it is or refused; without it, the last port, or a free one.
    database : PostgreSQL, optional
        Where tasks and annotations are kept; by default in SQLite below `directory`.
    progress : Progress
        Hears of the installation, and counts the seconds of starting.
    executable : Path, optional
        Another `label-studio`; by default the private installation, made on first use.

    Raises
    ------
    ServerUnavailable
        The port is taken, the executable does not run, the server does not answer in time, or its data were begun in
        another database.
    """
    directory = directory.resolve()
    finish_restore(directory)
    executable = executable or ensure_label_studio(progress)
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    with locked(directory / "server.lock"):
        known = known_process(directory)
        if known and known.alive:
            if port not in (None, known.port):
                raise ServerUnavailable(
                    "this run's server already runs on another port",
                    given=f"port {port}",
                    expected=f"port {known.port}",
                    fix="stop it first (proofloop annotator down RUN), or leave the port out",
                )
            _await_health(directory, known, progress)
            return _server(directory, known.port)
        for orphan in orphans(directory / "server"):
            orphan.stop()
        chosen = choose_port(port, known.port if known else None)
        _prepare(directory, executable, database)
        started = _start(directory, executable, chosen, database)
        try:
            _await_health(directory, started, progress)
        except BaseException:
            started.stop()
            remember(directory, started.stopped())
            raise
        return _server(directory, chosen)


def down(directory: Path) -> bool:
    """Stop the server of `directory` with its whole process group; tell whether it ran."""
    directory = directory.resolve()
    if not directory.is_dir():
        return False
    with locked(directory / "server.lock"):
        known = known_process(directory)
        if not known or not known.alive:
            return False
        known.stop()
        remember(directory, known.stopped())
        return True


def status(directory: Path) -> ServerStatus:
    """Tell whether the server of `directory` runs and answers."""
    directory = directory.resolve()
    finish_restore(directory)
    known = known_process(directory)
    if known is None:
        return ServerStatus("down", None, None, _log(directory))
    server = _server(directory, known.port)
    if not known.alive:
        return ServerStatus("down", server, None, _log(directory))
    return ServerStatus("up" if _answers(server) else "starting", server, known.pid, _log(directory))


def restored_beside(directory: Path) -> Path:
    """Name the folder that a restoration has made ready to take the place of `directory`."""
    return directory.with_name(f"{directory.name}.restored")


def finish_restore(directory: Path) -> None:
    """Put a restored folder in its place, also one whose restoration was broken off between two renames."""
    if not directory.exists() and restored_beside(directory).exists():
        restored_beside(directory).rename(directory)


def _server(directory: Path, port: int) -> Server:
    return Server(
        url=f"http://{HOST}:{port}",
        email=EMAIL,
        directory=directory,
        token_file=directory / "secrets" / "token",
        password_file=directory / "secrets" / "password",
        files=directory / "server" / "files",
    )


def _log(directory: Path) -> Path:
    return directory / "server.log"


def _prepare(directory: Path, executable: Path, database: PostgreSQL | None) -> None:
    """Make secrets and data folder once; a broken-off copy of the template never counts as the data folder."""
    place = str(database) if database else "SQLite"
    (directory / "secrets").mkdir(exist_ok=True, mode=0o700)
    for name, secret in (("password", secrets.token_urlsafe(12)), ("token", secrets.token_hex(20))):
        path = directory / "secrets" / name
        if not path.exists():
            write_text(path, secret + "\n", mode=0o600)
    data = directory / "server"
    if not data.exists():
        fresh = directory / "server.new"
        shutil.rmtree(fresh, ignore_errors=True)
        template = template_folder(executable)
        if template and database is None:
            shutil.copytree(template, fresh)
        fresh.mkdir(exist_ok=True)
        fresh.chmod(0o700)  # the database holds tokens
        (fresh / "files").mkdir()
        (fresh / _DATABASE).write_text(place)
        fresh.rename(data)
    kept = (data / _DATABASE).read_text() if (data / _DATABASE).exists() else "SQLite"
    if kept != place:
        raise ServerUnavailable(
            "this run's tasks and annotations are in another database",
            given=place,
            expected=kept,
            fix="set database under [annotation] back",
        )


def _start(directory: Path, executable: Path, port: int, database: PostgreSQL | None) -> ServerProcess:
    data = directory / "server"
    server = _server(directory, port)
    # The first start makes this user; secrets travel in the environment since everyone can read a command line.
    environment = isolated_environment(data) | {
        "LABEL_STUDIO_USERNAME": server.email,
        "LABEL_STUDIO_PASSWORD": (directory / "secrets" / "password").read_text().strip(),
        "LABEL_STUDIO_USER_TOKEN": server.token(),
        "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
        "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(data / "files"),
        # Our own helpers listen on loopback; those who could name other addresses there were let in by the run's owner.
        "SSRF_PROTECTION_ENABLED": "false",
        "ML_BLOCK_LOCAL_IP": "false",
    }
    environment |= database.for_server() if database else {}
    options = ["--no-browser", "--internal-host", HOST, "--port", str(port), "--log-level", "WARNING"]
    with _log(directory).open("wb") as log:
        try:
            process = subprocess.Popen(
                [executable, "start", *options],
                env=environment,
                cwd=data,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise ServerUnavailable(
                f"Label Studio cannot be run: {error.strerror}",
                given=executable,
                expected="the `label-studio` executable of its own environment",
                fix="run `python -m annotation.installation` and leave the executable out",
            ) from error
    known = ServerProcess(port=port, pid=process.pid, created_s=psutil.Process(process.pid).create_time())
    remember(directory, known)
    return known


def _await_health(directory: Path, known: ServerProcess, progress: Progress) -> None:
    server = _server(directory, known.port)
    begun = time.monotonic()
    while (waited := time.monotonic() - begun) < _START_DEADLINE_S:
        if _answers(server):
            progress(1, 1, "Label Studio is up")
            return
        if not known.alive:
            break
        progress(int(waited), int(_START_DEADLINE_S), "starting Label Studio")
        time.sleep(0.2)
    log = _log(directory)
    raise ServerUnavailable(
        "Label Studio does not come up",
        given=f"{log} ends with\n{_tail(log)}",
        expected=f"an answer on {server.url} within {_START_DEADLINE_S:.0f} s",
        fix="mend what the log names, then start again",
    )


def _answers(server: Server) -> bool:
    """Ask with our own token, so that a stranger on the same port is not taken for our server."""
    headers = {"Authorization": f"Token {server.token()}"}
    try:
        answer = httpx.get(f"{server.url}/api/current-user/whoami", headers=headers, timeout=5, trust_env=False)
        return answer.status_code == 200 and answer.json().get("email") == server.email
    except (httpx.HTTPError, ValueError):
        return False


def _tail(log: Path) -> str:
    """Give how the log ends, without the frames of tracebacks, which are indented: the cause stands below them."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip() and line[0] != " "]
    return "\n".join(lines[-6:])
