"""A private PostgreSQL for a test session: its own cluster, its own port, gone afterwards."""

import os
import pwd
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from annotation.database import PostgreSQL


def programs() -> Path | None:
    """Find PostgreSQL's server programs; Debian keeps them out of the PATH."""
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return next((place for place in reversed(places) if (place / "pg_ctl").exists()), None)


@contextmanager
def cluster(folder: Path, programs: Path) -> Iterator[PostgreSQL]:
    """Run a cluster in `folder` and give an empty database of it.

    PostgreSQL refuses to run as root; another user must then be able to reach `folder`, as none can reach pytest's own.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    password = folder / "password"
    password.write_text(secrets.token_hex(8))
    password.chmod(0o600)
    data = folder / "data"
    database = PostgreSQL("127.0.0.1", port, "proofloop", "proofloop", folder / "for-server")
    database.password_file.write_text(password.read_text())
    database.password_file.chmod(0o600)
    become: dict[str, int] = {}
    if os.getuid() == 0:
        somebody = pwd.getpwnam("postgres")
        become = {"user": somebody.pw_uid, "group": somebody.pw_gid}
        for owned in (folder, password):
            os.chown(owned, somebody.pw_uid, somebody.pw_gid)

    def run(*command: str | Path) -> None:
        subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL, **become)  # type: ignore[call-overload]

    run(programs / "initdb", "-D", data, "-A", "scram-sha-256", f"--pwfile={password}", "-U", "proofloop")
    settings = f"-c listen_addresses=127.0.0.1 -p {port} -c unix_socket_directories={folder} -c fsync=off"
    control: list[str | Path] = [programs / "pg_ctl", "-D", data, "-w", "-l", folder / "log"]
    run(*control, "-o", settings, "start")
    try:
        subprocess.run([programs / "createdb", "proofloop"], check=True, env=database.for_tools())
        yield database
    finally:
        run(*control, "-m", "immediate", "stop")
