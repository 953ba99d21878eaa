"""A process that takes a turn and kills itself at a named point, as a power cut would: `doomed RUN POINT`.

The code is the product's own; only the moment of death is put into it from outside.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from loop.ledger import Ledger
from loop.progress import Progress


def die() -> None:
    """Go as a process goes that is killed: nothing is flushed, nothing is cleaned up."""
    os.kill(os.getpid(), signal.SIGKILL)


def set_trap(point: str) -> None:
    """Arrange that this process dies at `point`."""
    name, moment = point.rsplit(":", 1)
    if moment in ("begin", "middle"):
        _trap_step(name, moment)
    elif moment == "unrenamed":
        _trap_file(name)
    else:
        _trap_event(name, moment)


def _trap_step(name: str, moment: str) -> None:
    from flows import iterate

    if_next = iterate._if_next

    def trapped(root: Path, stage: Any, unit: str, step: Callable[[Any, Progress], None]) -> None:
        def doomed(run: Any, progress: Progress) -> None:
            if moment == "begin":
                die()

            def watched(done: int, total: int, note: str = "") -> None:
                progress(done, total, note)
                if done >= total / 2:
                    die()

            step(run, watched)

        if_next(root, stage, unit, doomed if step.__name__ == name else step)

    iterate._if_next = trapped


def _trap_file(name: str) -> None:
    replace = Path.replace

    def trapped(self: Path, target: Path) -> Path:
        if name in (target.name, target.parent.name):
            die()
        return replace(self, target)

    Path.replace = trapped  # type: ignore[assignment, method-assign]


def _trap_event(kind: str, moment: str) -> None:
    append = Ledger.append

    def trapped(self: Ledger, event: Any) -> None:
        if event.kind != kind:
            append(self, event)
            return
        if moment == "torn":
            with self.path.open("ab") as stream:
                line: bytes = event.model_dump_json().encode()
                stream.write(line[: len(line) // 2])
        elif moment == "recorded":
            append(self, event)
        die()

    Ledger.append = trapped  # type: ignore[method-assign]


if __name__ == "__main__":
    if sys.argv[2] != "never":
        set_trap(sys.argv[2])
    from flows.iterate import iterate

    iterate(Path(sys.argv[1]))
