"""Starting several processes that train together, by torch's own launcher."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import IO, NoReturn

import torch

from loop.errors import ProofloopError
from loop.progress import Progress
from models.processes import share_size
from models.training_config import TrainingConfig

_SAID_MOST = 2000


def processes_wanted(config: TrainingConfig) -> int:
    """Tell how many processes a training is to have; `auto` is one for each GPU that a batch can be shared among.

    Raises
    ------
    InputError
        If so many cannot share a batch evenly.
    """
    if config.processes != "auto":
        share_size(config.batch, config.processes)
        return config.processes
    devices = 0 if config.device == "cpu" else torch.cuda.device_count()
    return max((count for count in range(1, devices + 1) if config.batch % count == 0), default=1)


def launch(module: str, arguments: Sequence[str], *, count: int, progress: Progress) -> None:
    """Run a module in `count` processes under torch.distributed.run until all have ended.

    Parameters
    ----------
    module : str
        What each process runs as its main module. It tells of its progress by `tell`, of errors by `tell_error`.
    arguments : sequence of str
        Its arguments.
    count : int
        Processes, all on this machine.
    progress : Progress
        Hears what process 0 tells.

    Raises
    ------
    ProofloopError
        As a process told, with its exit code; or one ended otherwise, and the message ends with what was said last.

    Notes
    -----
    When this process is interrupted the others are ended first. When it is killed they end at their next update, since
    nobody is left to be told.
    """
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}", "-m"]
    threads = max(1, (os.cpu_count() or 1) // count)
    with (
        tempfile.TemporaryFile("w+") as said,
        subprocess.Popen(
            [*command, module, *arguments],
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            env={"OMP_NUM_THREADS": str(threads), **os.environ},
            start_new_session=True,  # an interrupt reaches them through this process alone, and they end in order
        ) as launcher,
    ):
        try:
            assert launcher.stdout is not None
            errors = _listen(launcher.stdout, progress)
            code = launcher.wait()
        finally:
            launcher.terminate()
            launcher.wait()
        if errors or code:
            _raise(errors, code, said)


def tell(done: int, total: int, note: str = "") -> None:
    """Pass progress on to the process that launched this one; every process may call it."""
    if os.environ.get("RANK") == "0":
        _print({"done": done, "total": total, "note": note})


def tell_error(error: ProofloopError) -> None:
    """Pass an error on to the process that launched this one."""
    _print({"error": str(error), "exit_code": error.exit_code})


def _print(line: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _is_ours(line: str) -> bool:
    return line.startswith("{")  # libraries may print, too


def _listen(stream: IO[str], progress: Progress) -> list[ProofloopError]:
    errors = []
    for line in filter(_is_ours, stream):
        told = json.loads(line)
        if "error" in told:
            error = ProofloopError(told["error"])
            error.exit_code = told["exit_code"]
            errors.append(error)
        else:
            progress(told["done"], told["total"], told["note"])
    return errors


def _raise(errors: list[ProofloopError], code: int, said: IO[str]) -> NoReturn:
    if errors:
        raise errors[0]
    said.seek(0)
    raise ProofloopError(f"the processes that train together ended with code {code}:\n{said.read()[-_SAID_MOST:]}")
