"""Backups of the embedded Label Studio: one file with database, images, what was published, and secrets.

A backup is taken while the server runs: first the database by its own means, then the files, which never change once
the database names them. A restored folder replaces the old one by a rename, and the old one is kept beside it.
"""

import json
import shutil
import sqlite3
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from annotation.database import PostgreSQL
from annotation.database_backup import DUMP, SQLITE, copied, dumped, make_ready, replace_postgresql
from annotation.installation import label_studio_version
from annotation.prediction_process import stop_service
from annotation.server import down, finish_restore, restored_beside, status
from annotation.server_process import known_process, remember
from loop.atomic import replacing
from loop.errors import InputError
from loop.progress import Progress, silent

_FORMAT = 1
_MANIFEST = "proofloop-backup.json"
# What belongs to the running processes.
_PASSING = ("server.json", "server.lock", "server.log", "service.json", "service.lock", "service.log", "server.new")


def back_up(
    directory: Path, file: Path, *, database: PostgreSQL | None = None, progress: Progress = silent
) -> dict[str, object]:
    """Write everything of a run's server into one file, for its owner alone.

    Parameters
    ----------
    directory : Path
        RUN/annotation; the server may run.
    file : Path
        A gzipped tar that does not exist yet.
    database : PostgreSQL, optional
        Where the server keeps its data; needs `pg_dump` on this machine.
    progress : Progress
        Counts files.

    Returns
    -------
    dict
        Its manifest.

    Raises
    ------
    InputError
        There is nothing to back up, or the file exists.
    ServerUnavailable
        The database cannot be read.
    """
    data = directory / "server"
    if not data.is_dir():
        raise InputError(
            "this run has no embedded Label Studio to back up",
            given=directory,
            expected="a folder that proofloop annotator up made",
            fix="start it first; the lab's own server is backed up by whoever runs it",
        )
    if file.exists():
        raise InputError("the backup exists", given=file, expected="a new file", fix="choose another name")
    manifest: dict[str, object] = {
        "format": _FORMAT,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "label_studio": label_studio_version(),
        "database": str(database) if database else "SQLite",
    }
    with tempfile.TemporaryDirectory(prefix=".backup-", dir=directory) as scratch:
        copy = dumped(database, Path(scratch)) if database else copied(data / SQLITE, Path(scratch))
        noted = Path(scratch) / _MANIFEST
        noted.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        files = list(_files(directory))
        with (
            replacing(file, mode=0o600) as temporary,
            tarfile.open(temporary, "w:gz", compresslevel=1) as archive,
        ):
            archive.add(noted, _MANIFEST)
            archive.add(copy, f"server/{copy.name}")
            for done, path in enumerate(files, start=1):
                archive.add(path, path.relative_to(directory).as_posix(), recursive=False)
                progress(done, len(files), path.name)
    return manifest


def restore(directory: Path, file: Path, *, database: PostgreSQL | None = None, overwrite: bool = False) -> Path | None:
    """Bring a run's server back to what a backup holds.

    Parameters
    ----------
    directory : Path
        RUN/annotation.
    file : Path
        What `back_up` wrote, on this machine or another.
    database : PostgreSQL, optional
        Where the server keeps its data; needs `pg_restore` on this machine.
    overwrite : bool
        Stop what runs there and put the backup in its place; without it only an empty place is filled.

    Returns
    -------
    Path or None
        Where the old folder is kept; None where there was none.

    Raises
    ------
    InputError
        It is no whole backup, of another kind of database or of a newer Label Studio, or there is a server already.
    ServerUnavailable
        PostgreSQL does not take it. Nothing is changed then.
    """
    directory = directory.resolve()
    finish_restore(directory)
    if (directory / "server").exists() and not overwrite:
        raise InputError(
            "this run's Label Studio has data",
            given=f"{directory}, {'running' if status(directory).state != 'down' else 'stopped'}",
            expected="a run without, or the option to put the backup in its place",
            fix="give --overwrite: the old folder is kept beside the new one",
        )
    with tempfile.TemporaryDirectory(prefix=f".{directory.name}-", dir=directory.parent) as scratch:
        fresh = Path(scratch) / "restored"
        _extract(file, fresh, database, replaces=directory)
        stop_service(directory)  # or it would run on, with nothing left that knows of it
        down(directory)
        before = directory.with_name(f"{directory.name}-before-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
        if database:
            directory.mkdir(parents=True, exist_ok=True)
            dumped(database, directory)  # goes aside with the old folder
            replace_postgresql(database, fresh / "server" / DUMP)
            (fresh / "server" / DUMP).unlink()
        known = known_process(directory)
        if known:
            remember(fresh, known.stopped())  # the next start takes the same port
        shutil.rmtree(restored_beside(directory), ignore_errors=True)  # of a restoration that was broken off
        fresh.replace(restored_beside(directory))
    kept = directory.exists()
    if kept:
        directory.rename(before)
    finish_restore(directory)
    return before if kept else None


def _files(directory: Path) -> Iterator[Path]:
    """Go through everything that stays, folders before what is in them."""
    for path in sorted(directory.rglob("*")):
        parts = path.relative_to(directory).parts
        unfinished = any(part.startswith(".") and part != ".env" for part in parts)
        if not unfinished and parts[0] not in _PASSING and not path.name.startswith(SQLITE) and path.name != DUMP:
            yield path


def _extract(file: Path, fresh: Path, database: PostgreSQL | None, *, replaces: Path) -> None:
    """Unpack and check a backup; it is used whole or not at all."""
    try:
        with tarfile.open(file, "r:gz") as archive:
            archive.extractall(fresh, filter="data")
        manifest = json.loads((fresh / _MANIFEST).read_text(encoding="utf-8"))
        if manifest["format"] != _FORMAT:
            raise ValueError(f"format {manifest['format']}")
        versions = [
            [int(part) for part in name.split(".")] for name in (manifest["label_studio"], label_studio_version())
        ]
        of_postgresql = manifest["database"] != "SQLite"
        if not of_postgresql:
            make_ready(fresh / "server" / SQLITE, replaces=replaces / "server" / SQLITE)
    except (OSError, EOFError, tarfile.TarError, zlib.error, ValueError, KeyError, TypeError, sqlite3.Error) as error:
        raise InputError(
            "that is no whole backup",
            given=f"{file}: {error}",
            expected="a file that proofloop annotator backup wrote",
            fix="take another backup; nothing was changed",
        ) from error
    if of_postgresql != (database is not None) or versions[0] > versions[1]:
        raise InputError(
            "the backup does not fit this run",
            given=f"of {manifest['database']}, Label Studio {manifest['label_studio']}",
            expected=f"of {'PostgreSQL' if database else 'SQLite'}, Label Studio {label_studio_version()} or older",
            fix="set database under [annotation] as it was, or use the proofloop that wrote the backup",
        )
    (fresh / _MANIFEST).unlink()
    if database:
        (fresh / "server" / "database").write_text(str(database))  # it may have another address by now
    for folder in (fresh, fresh / "server", fresh / "secrets"):
        folder.chmod(0o700)
