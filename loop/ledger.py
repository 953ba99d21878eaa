"""The append-only record of a run: one JSON line per event, flushed to disk before anyone relies on it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from loop.errors import IllegalTransition, InputError
from loop.events import AnnotationDeleted, Compared, Event, Polled, RunCreated, SectionLabelled, StageEvent

_EVENTS: TypeAdapter[Any] = TypeAdapter(Event)
_Kind = TypeVar("_Kind", bound=StageEvent)


class Ledger:
    """The events of one run, oldest first.

    A crash may tear the last line; a torn line was never relied on, so reading passes over it and the next
    append cuts it off. A fault anywhere else is an error.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def events(self) -> list[Event]:
        """Read every event.

        Raises
        ------
        InputError
            If a line other than a torn last one cannot be understood.
        """
        if not self.path.exists():
            return []
        whole, _, _torn = self.path.read_bytes().rpartition(b"\n")
        return [self._parse(number, line) for number, line in enumerate(whole.splitlines(), start=1)]

    def append(self, event: Event) -> None:
        """Add one event; it is on disk when this returns."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(self.path.with_suffix(".lock")), self.path.open("a+b") as stream:
            stream.seek(0)
            content = stream.read()
            stream.truncate(content.rfind(b"\n") + 1)
            stream.write(_EVENTS.dump_json(event) + b"\n")
            stream.flush()
            os.fsync(stream.fileno())

    def created(self) -> RunCreated:
        """Read the event that began the run."""
        for event in self.events():
            if isinstance(event, RunCreated):
                return event
        raise InputError(
            f"{self.path} holds no run",
            given="a ledger without its first event",
            expected="a run made by proofloop init",
            fix="run proofloop init with another run directory",
        )

    def in_force(self) -> list[SectionLabelled]:
        """Newest version of every annotation that was not deleted, and the labels given at the start, oldest first."""
        held: dict[tuple[int, int | None], SectionLabelled] = {}
        for event in self.events():
            if isinstance(event, SectionLabelled):
                source = event.section, event.correction.annotation_id if event.correction else None
                held.pop(source, None)
                held[source] = event
            elif isinstance(event, AnnotationDeleted):
                held.pop((event.section, event.annotation_id), None)
        return list(held.values())

    def labelled(self) -> dict[int, SectionLabelled]:
        """Labels that count for every labelled section, keyed by z: the newest in force."""
        return {event.section: event for event in self.in_force()}

    def trainable(self) -> dict[int, SectionLabelled]:
        """Labels that a model may learn from, keyed by z: not those of sections that annotators found unfit."""
        return {z: e for z, e in self.labelled().items() if e.correction is None or not e.correction.discarded}

    def corrections(self) -> list[SectionLabelled]:
        """Every proofread version of every section, oldest first."""
        return [e for e in self.events() if isinstance(e, SectionLabelled) and e.correction is not None]

    def compared(self) -> list[Compared]:
        """Comparisons of two annotations of a section, oldest first."""
        return [event for event in self.events() if isinstance(event, Compared)]

    def polled(self) -> Polled | None:
        """Find the last look at Label Studio that brought anything."""
        return next((event for event in reversed(self.events()) if isinstance(event, Polled)), None)

    def stage(self, kind: type[_Kind], iteration: int) -> _Kind | None:
        """Find the event by which `iteration` finished the stage `kind`, None where it has not."""
        found = [event for event in self.events() if isinstance(event, kind) and event.iteration == iteration]
        return found[-1] if found else None

    def finished(self, kind: type[_Kind], iteration: int) -> _Kind:
        """Find the event by which `iteration` finished the stage `kind`.

        Raises
        ------
        IllegalTransition
            If it has not.
        """
        event = self.stage(kind, iteration)
        if event is None:
            raise IllegalTransition(f"iteration {iteration} has no record of kind {kind.__name__} in {self.path}")
        return event

    def _parse(self, number: int, line: bytes) -> Event:
        try:
            event: Event = _EVENTS.validate_json(line)
        except ValidationError as error:
            raise InputError(
                f"line {number} of {self.path} cannot be understood",
                given=line[:80].decode(errors="replace"),
                expected="an event that this version of proofloop writes",
                fix="restore ledger.jsonl from a backup, or use the version that wrote it",
            ) from error
        return event


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
