"""Prefect's temporary servers that outlived the command they were started by."""

import os

import psutil

STARTED_BY = "PROOFLOOP_STARTED_BY"
"""Names the process that began a command, to all that it starts."""


def note_who_starts() -> None:
    """Let whatever this process starts know by whom."""
    os.environ[STARTED_BY] = str(os.getpid())


def end_orphans() -> list[int]:
    """End temporary servers, with our settings, of commands that are gone; give their process numbers.

    Prefect ends its temporary server when the command ends, but not when that is killed. Then 190 MB stay behind that
    nobody else knows of.
    """
    ended = []
    for process in psutil.process_iter():
        try:
            environment = process.environ()
        except (psutil.Error, OSError):  # somebody else's, or gone meanwhile
            continue
        started_by = environment.get(STARTED_BY, "")
        if (
            environment.get("PREFECT__SERVER_EPHEMERAL") == "1"
            and environment.get("PREFECT_HOME") == os.environ["PREFECT_HOME"]
            and started_by.isdigit()
            and not psutil.pid_exists(int(started_by))
        ):
            process.terminate()
            ended.append(process.pid)
    return ended
