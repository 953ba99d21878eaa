"""One process at a time on a folder; a second one is told who works there."""

import fcntl
import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from loop.errors import InputError

_NAME = ".held"


class FolderHeld(InputError):
    """Another process works on the folder."""


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep other processes out of an existing folder while the block runs.

    The system lets go of it when this process ends, however it ends; nobody has to clean up. It is not reentrant: a
    block within a block on the same folder is refused like another process.

    Raises
    ------
    FolderHeld
        Naming the process that works there, its command, and since when.
    """
    with _locked(folder / _NAME, folder):
        yield


@contextmanager
def held_beside(folder: Path) -> Iterator[None]:
    """Keep others out of a folder that is to become something else in the block; as `held`, but leaves nothing in it.

    Raises
    ------
    FolderHeld
        As `held`.
    """
    with _locked(folder.with_name(folder.name + _NAME), folder):
        yield


@contextmanager
def _locked(path: Path, folder: Path) -> Iterator[None]:
    with path.open("a+b") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FolderHeld(
                "another process works there",
                given=f"{folder}, held by {_holder(stream)}",
                expected="one process at a time",
                fix="wait until it is done, or stop it; what it has done is kept",
            ) from error
        if not _is_still(path, stream):
            with _locked(path, folder):
                yield
            return
        stream.truncate(0)
        stream.write(_note())
        stream.flush()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _is_still(path: Path, stream: BinaryIO) -> bool:
    """Tell whether the file that was locked has its name; whoever held it before may have removed it meanwhile."""
    try:
        return os.path.samestat(path.stat(), os.fstat(stream.fileno()))
    except FileNotFoundError:
        return False


def _note() -> bytes:
    return json.dumps(
        {
            "process": os.getpid(),
            "machine": socket.gethostname(),
            "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
        }
    ).encode()


def _holder(stream: BinaryIO) -> str:
    stream.seek(0)
    try:
        note = json.loads(stream.read())
        return f"process {note['process']} on {note['machine']} ({note['command']}) since {note['since']}"
    except (ValueError, KeyError, TypeError):
        return "a process that has just begun"
