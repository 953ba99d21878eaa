"""Copies of Label Studio's database, SQLite or PostgreSQL, by the database's own means."""

import sqlite3
import subprocess
from contextlib import closing, suppress
from pathlib import Path

from annotation.database import PostgreSQL
from loop.errors import ServerUnavailable

SQLITE = "label_studio.sqlite3"
DUMP = "postgresql.dump"
# The run's ledger knows annotations by their numbers: one that was given after the backup must not be given to
# something else after the restoration.
_GAP = 100_000
_NUMBERED = "task_completion"  # Label Studio's table of annotations


def copied(database: Path, folder: Path) -> Path:
    """Copy SQLite into `folder` as one moment's state, whatever the server writes meanwhile."""
    copy = folder / SQLITE
    with (
        closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
    return copy


def dumped(database: PostgreSQL, folder: Path) -> Path:
    """Dump PostgreSQL into `folder` as one moment's state.

    Raises
    ------
    ServerUnavailable
        `pg_dump` is not there or fails.
    """
    copy = folder / DUMP
    _run_tool(["pg_dump", "--format=custom", "--no-owner", f"--file={copy}"], database)
    return copy


def make_ready(database: Path, *, replaces: Path) -> None:
    """Check a copy of SQLite, and let it count on where the database that it replaces has come to.

    Raises
    ------
    ValueError
        It is damaged.
    """
    if not database.exists():
        raise ValueError("there is no database in it")
    given = _last_number(replaces) if replaces.exists() else 0
    with closing(sqlite3.connect(database)) as opened, opened:
        (verdict,) = opened.execute("pragma quick_check").fetchone()
        if verdict != "ok":
            raise ValueError(f"its database is damaged: {verdict}")
        opened.execute("update sqlite_sequence set seq = max(seq, ?) + ? where name = ?", (given, _GAP, _NUMBERED))


def _last_number(database: Path) -> int:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as opened:
        try:
            found = opened.execute("select seq from sqlite_sequence where name = ?", (_NUMBERED,)).fetchone()
        except sqlite3.Error:  # the one that is replaced may be damaged
            found = None
    return int(found[0]) if found else 0


def replace_postgresql(database: PostgreSQL, dump: Path) -> None:
    """Put a dump in the place of what the database holds, in one transaction, and count on from there.

    Raises
    ------
    ServerUnavailable
        `pg_restore` or `psql` is not there or fails.
    """
    given = 0
    with suppress(ServerUnavailable, ValueError):  # an empty database has no such table
        newest = f"select max(id) from {_NUMBERED}"  # noqa: S608 - our own constant, also below
        given = int(_run_tool(["psql", "--tuples-only", f"--command={newest}"], database))
    options = ["--clean", "--if-exists", "--no-owner", "--single-transaction", f"--dbname={database.name}"]
    _run_tool(["pg_restore", *options, str(dump)], database)
    then = f"greatest(coalesce(max(id), 0), {given}) + {_GAP}"
    count_on = f"select setval(pg_get_serial_sequence('{_NUMBERED}', 'id'), {then}) from {_NUMBERED}"  # noqa: S608
    _run_tool(["psql", "--quiet", "--set=ON_ERROR_STOP=1", f"--command={count_on}"], database)


def _run_tool(command: list[str], database: PostgreSQL) -> str:
    try:
        done = subprocess.run(command, env=database.for_tools(), capture_output=True, text=True)
        said = done.stderr.strip()[-1000:]
    except FileNotFoundError:
        done, said = None, "no such program on this machine"
    if done is None or done.returncode:
        raise ServerUnavailable(
            f"PostgreSQL's {command[0]} does not do its work",
            given=f"{database}: {said}",
            expected="PostgreSQL's own programs, at least as new as the database server",
            fix="install them (Debian: postgresql-client) or mend what it says, and call again",
        )
    return done.stdout
