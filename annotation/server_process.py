"""A process of the server as a file remembers it, so that any later command can find and end it."""

import contextlib
import os
import signal
import time
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict, ValidationError

from loop.atomic import write_text

_STOP_DEADLINE_S = 15.0
# A start time is counted from the boot, and the boot time moves when the clock is set right.
_CLOCK_DRIFT_S = 10.0


class ServerProcess(BaseModel):
    """What `server.json` remembers of the server's process."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    port: int
    """TCP port on loopback; kept for the next start."""
    pid: int | None
    """Process id, which is also the id of its process group; none when it was stopped."""
    created_s: float | None
    """When that process began, seconds since 1970; tells it from a later process with the same id."""

    @property
    def alive(self) -> bool:
        """Whether it runs; a later process with its id does not count."""
        if self.pid is None or self.created_s is None:
            return False
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created_s) < _CLOCK_DRIFT_S
            return same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def stopped(self) -> "ServerProcess":
        """Give what is to be remembered once it has ended."""
        return self.model_copy(update={"pid": None, "created_s": None})

    def stop(self) -> None:
        """End the whole process group: first politely, then surely."""
        for how in (signal.SIGTERM, signal.SIGKILL):
            if self.pid is None or not self.alive:
                return
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, how)
            self._await_end(self.pid)

    def _await_end(self, pid: int) -> None:
        deadline = time.monotonic() + _STOP_DEADLINE_S
        while self.alive and time.monotonic() < deadline:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)  # ours when this very process started it
            time.sleep(0.05)


def known_process(directory: Path, name: str = "server") -> ServerProcess | None:
    """Read what is remembered in `directory`, None when nothing (whole) is."""
    try:
        return ServerProcess.model_validate_json((directory / f"{name}.json").read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def remember(directory: Path, process: ServerProcess, name: str = "server") -> None:
    """Write it down in `directory`."""
    write_text(directory / f"{name}.json", process.model_dump_json(indent=2) + "\n")


def orphans(folder: Path) -> list[ServerProcess]:
    """Find servers that work in `folder` and were started by a command that died before it could write them down."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.cwd() == str(folder) and any("label-studio" in word for word in process.cmdline()):
                found.append(ServerProcess(port=0, pid=process.pid, created_s=process.create_time()))
    return found
