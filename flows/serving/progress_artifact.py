"""Progress of long steps: a bar in the terminal, and an artifact in Prefect's page."""

import contextvars
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.logging import get_logger

from flows.terminal import progress_bar
from loop.progress import Progress

_EVERY_S = 10.0


@contextmanager
def shown_progress(name: str, unit: str) -> Iterator[Progress]:
    """Show a bar, and from the tenth second on an artifact of the running step; give the listener that moves both.

    A Prefect server that is slow or away does not hold the step up: another thread tells it.
    """
    told = _Told(name, unit)
    # the thread sees the same run and the same server as this one
    teller = threading.Thread(target=contextvars.copy_context().run, args=(told.keep_telling,), daemon=True)
    teller.start()
    try:
        with progress_bar(name, unit) as bar:

            def listen(done: int, total: int, note: str = "") -> None:
                told.state = (done, total, note)
                bar(done, total, note)

            yield listen
    finally:
        told.over.set()
        teller.join(_EVERY_S)


@dataclass
class _Told:
    name: str
    unit: str
    state: tuple[int, int, str] = (0, 0, "")
    over: threading.Event = field(default_factory=threading.Event)

    def keep_telling(self) -> None:
        artifact: UUID | None = None
        while not self.over.wait(_EVERY_S):
            artifact = self._tell(artifact)
        if artifact:
            self._tell(artifact)

    def _tell(self, artifact: UUID | None) -> UUID | None:
        done, total, note = self.state
        words = " ".join([self.name, f"{done} of {total} {self.unit}", note]).strip()
        share = 100 * done / total if total else 0.0
        try:
            if artifact is None:
                return cast("UUID", create_progress_artifact(share, description=words))
            return cast("UUID", update_progress_artifact(artifact, share, description=words))
        except Exception:  # whatever a server that is away makes of it
            get_logger("proofloop").debug("progress could not be told", exc_info=True)
            return artifact
