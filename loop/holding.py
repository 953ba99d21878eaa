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
    # never unlinked: a third process could lock the new name while a second still holds the old one
    with (folder / _NAME).open("a+b") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FolderHeld(
                "another process works there",
                given=f"{folder}, held by {_holder(stream)}",
                expected="one process at a time",
                fix="wait until it is done, or stop it; what it has done is kept",
            ) from error
        stream.truncate(0)
        stream.write(_note())
        stream.flush()
        yield


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
