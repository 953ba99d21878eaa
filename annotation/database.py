"""The database behind the embedded Label Studio: SQLite below the run's folder, or a PostgreSQL named by a URL."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from loop.errors import InputError

PASSWORD_VARIABLE = "PROOFLOOP_DATABASE_PASSWORD"  # noqa: S105 - its name, no secret


@dataclass(frozen=True)
class PostgreSQL:
    """A PostgreSQL database, made before and empty at first.

    Attributes
    ----------
    host, user, name : str
    port : int
    password_file : Path
        For its owner alone; the environment variable PROOFLOOP_DATABASE_PASSWORD goes before it.
    """

    host: str
    port: int
    user: str
    name: str
    password_file: Path

    def __str__(self) -> str:
        return f"postgresql://{self.user}@{self.host}:{self.port}/{self.name}"

    def password(self) -> str:
        """Read the password; empty where there is none, as for a server that trusts this user.

        Raises
        ------
        InputError
            Others can read the file.
        """
        if os.environ.get(PASSWORD_VARIABLE):
            return os.environ[PASSWORD_VARIABLE]
        if not self.password_file.exists():
            return ""
        mode = stat.S_IMODE(self.password_file.stat().st_mode)
        if mode & 0o077:
            raise InputError(
                "the password of the database cannot be used",
                given=f"{self.password_file} has mode {mode:o}: others can read it",
                expected="a file for its owner alone",
                fix=f"change the password, write the new one there, and run chmod 600 {self.password_file}",
            )
        return self.password_file.read_text(encoding="utf-8").strip()

    def for_server(self) -> dict[str, str]:
        """Give what Label Studio reads from its environment."""
        return {
            "DJANGO_DB": "default",
            "POSTGRE_HOST": self.host,
            "POSTGRE_PORT": str(self.port),
            "POSTGRE_USER": self.user,
            "POSTGRE_NAME": self.name,
            "POSTGRE_PASSWORD": self.password(),
        }

    def for_tools(self) -> dict[str, str]:
        """Give what PostgreSQL's own programs read from their environment."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGDATABASE": self.name,
            "PGPASSWORD": self.password(),
        }


def parse_database(url: str, directory: Path) -> PostgreSQL:
    """Read `postgresql://user@host:port/name`.

    Parameters
    ----------
    url : str
        Without a password.
    directory : Path
        RUN/annotation; the password may stand in `secrets/database-password` there.

    Raises
    ------
    InputError
        It is none, or there is a password in it.
    """
    fix = 'write for instance database = "postgresql://proofloop@localhost:5432/proofloop" under [annotation]'
    try:
        parts = urlsplit(url)
        port, name = parts.port or 5432, unquote(parts.path.lstrip("/"))
    except ValueError:
        parts, port, name = urlsplit(""), 0, ""
    password_file = directory / "secrets" / "database-password"
    if parts.password is not None:
        raise InputError(
            "there is a password in the address of the database",
            given=f"postgresql://{parts.username}:...@{parts.hostname}",
            expected="an address without a password: configurations are shown and shared",
            fix=f"change that password, and put the new one into {PASSWORD_VARIABLE} or, mode 600, {password_file}",
        )
    known = parts.scheme in ("postgresql", "postgres") and parts.hostname and parts.username
    if not (known and name and "/" not in name) or parts.query:
        raise InputError(
            "the address of the database cannot be used",
            given=repr(url),
            expected="postgresql://USER@HOST:PORT/NAME",
            fix=fix,
        )
    return PostgreSQL(str(parts.hostname), port, unquote(str(parts.username)), name, password_file)
