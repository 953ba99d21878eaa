"""The append-only record of a run: one JSON line per event, flushed to disk before anyone relies on it."""

import fcntl
import os
from collections.abc import Iterable, Iterator, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from loop.answer_events import (
    Accepted,
    AnnotationDeleted,
    Compared,
    ConsensusReached,
    GoldAnswered,
    Polled,
    SectionLabelled,
    SentBack,
    TaskDeleted,
)
from loop.errors import IllegalTransition, InputError
from loop.events import Event, Ingested, Published, RunCreated, StageEvent
from loop.places import Place

_EVENTS: TypeAdapter[Any] = TypeAdapter(Event)
_Kind = TypeVar("_Kind", bound=StageEvent)
_Any = TypeVar("_Any", bound=BaseModel)
_Standing = tuple[list[SectionLabelled], dict[int, SentBack]]
_TAIL_BYTES = 4096


class Ledger:
    """The events of one run, oldest first.

    A crash may tear the last line; a torn line was never relied on, so reading passes over it and the next
    append cuts it off. A fault anywhere else is an error.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read: list[Event] = []
        self._by_kind: dict[type[Any], list[Any]] = {}
        self._stood: _Standing | None = None
        self._read_bytes = 0
        self._inode = 0
        self._of_the_past = False

    def before(self, event: Event) -> "Ledger":
        """Give the ledger as it stood before one of its events; later lines are not seen."""
        events = self.events()
        past = Ledger(self.path)
        past._of_the_past = True
        past._add(events[: events.index(event)])
        return past

    def events(self) -> list[Event]:
        """Read every event; what was read before is not read again, since lines are only ever added.

        Raises
        ------
        InputError
            If a line other than a torn last one cannot be understood.
        """
        self._catch_up()
        return list(self._read)

    def _catch_up(self) -> None:
        if self._of_the_past or not self.path.exists():
            return
        status = self.path.stat()
        if status.st_ino != self._inode or status.st_size < self._read_bytes:  # another file took its place
            self._read, self._by_kind, self._stood, self._read_bytes, self._inode = [], {}, None, 0, status.st_ino
        if status.st_size > self._read_bytes:
            with self.path.open("rb") as stream:
                stream.seek(self._read_bytes)
                whole, end, _torn = stream.read().rpartition(b"\n")
            first = len(self._read) + 1
            fresh = [self._parse(number, line) for number, line in enumerate(whole.splitlines(), start=first)]
            self._add(fresh)
            self._read_bytes += len(whole) + len(end)

    def _add(self, events: list[Event]) -> None:
        self._read += events
        self._stood = None
        for event in events:
            self._by_kind.setdefault(type(event), []).append(event)

    def append(self, event: Event) -> None:
        """Add one event; it is on disk when this returns."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(self.path.with_suffix(".lock")), self.path.open("a+b") as stream:
            stream.truncate(_end_of_last_line(stream))
            stream.write(_EVENTS.dump_json(event) + b"\n")
            stream.flush()
            os.fsync(stream.fileno())

    def created(self) -> RunCreated:
        """Read the event that began the run."""
        if created := self.of_kind(RunCreated):
            return created[0]
        raise InputError(
            f"{self.path} holds no run",
            given="a ledger without its first event",
            expected="a run made by proofloop init",
            fix="run proofloop init with another run directory",
        )

    def in_force(self) -> list[SectionLabelled]:
        """Newest version of every annotation that still counts, and the labels given at the start, oldest first.

        An annotation that was deleted, or that a reviewer sent back, does not count; one that was sent back for some
        regions only counts until its task is answered again.
        """
        return list(self._standing()[0])

    def open_tasks(self, iteration: int) -> dict[int, Place]:
        """Give the place of every task of an iteration that is still to be answered, or reviewed where it must be."""
        published = self.finished(Published, iteration)
        tasks = {task: place for place, task in published.tasks.items()}
        tasks |= {task: place for blind in (published.repeats, published.gold) for place, task in blind.items()}
        held, returned = self._standing()
        # by iteration too: another server, or one restored, numbers its tasks anew
        asked = [e for e in held if e.correction is not None and e.correction.iteration == iteration]
        accepted = self._accepted()
        closed = {e.correction.task_id for e in asked if e.correction and _may_train(e, accepted)} - returned.keys()
        closed |= {event.correction.task_id for event in self.of_kind(GoldAnswered)}
        closed |= {event.task_id for event in self.of_kind(TaskDeleted)}
        last = self.polled()
        closed |= set(last.skipped if last else ())
        return {task: place for task, place in tasks.items() if task not in closed}

    def left_open(self) -> dict[int, Place]:
        """Give the place of every task that is still to be answered although its iteration was closed without it."""
        early = [event for event in self.of_kind(Ingested) if event.left_open]
        return {
            task: place
            for event in early
            for task, place in self.open_tasks(event.iteration).items()
            if task in event.left_open
        }

    def labelled(self) -> dict[int, SectionLabelled]:
        """Newest labels in force of every section of which anything is labelled, keyed by z."""
        return {event.section: event for event in self.in_force()}

    def answered(self) -> dict[Place, SectionLabelled]:
        """Newest labels in force of every section and of every tile, the oldest first."""
        return _newest(self.in_force())

    def trainable(self) -> dict[int, list[SectionLabelled]]:
        """Labels that a model may learn from, keyed by z: the newest of a whole section, and later tiles laid over it.

        Not those of sections that annotators found unfit, nor answers that wait for a reviewer; the consensus of all
        annotations that count stands for the newest where there is one.
        """
        accepted = self._accepted()
        counting = [event for event in self.in_force() if _may_train(event, accepted)]
        files: dict[Place, set[str]] = {}
        for event in counting:
            files.setdefault(event.place, set()).add(event.file)
        newest = _newest(counting)
        for agreed in self.of_kind(ConsensusReached):
            place = Place(agreed.section, agreed.tile)
            if set(agreed.files) == files.get(place):
                labels = {"file": agreed.file, "sha256": agreed.sha256}
                newest[place] = newest[place].model_copy(update=labels)
        layers: dict[int, list[SectionLabelled]] = {}
        for place, event in newest.items():
            if place.tile is None:
                layers[place.z] = []
            layers.setdefault(place.z, []).append(event)
        return {z: found for z, found in layers.items() if not all(_is_unfit(event) for event in found)}

    def unreviewed(self) -> list[SectionLabelled]:
        """Answers that count and that nobody has reviewed yet, oldest first."""
        accepted = self._accepted()
        held, returned = self._standing()
        return [
            event
            for event in held
            if event.correction is not None
            and event.correction.task_id not in returned
            and (event.correction.annotation_id, event.file) not in accepted
        ]

    def of_kind(self, kind: type[_Any]) -> list[_Any]:
        """Give every event of a kind, oldest first."""
        self._catch_up()
        return list(self._by_kind.get(kind, ()))

    def corrections(self) -> list[SectionLabelled]:
        """Every proofread version of every section, oldest first."""
        return [event for event in self.of_kind(SectionLabelled) if event.correction is not None]

    def compared(self) -> list[Compared]:
        """Comparisons of two annotations of a section, oldest first."""
        return self.of_kind(Compared)

    def polled(self) -> Polled | None:
        """Find the last look at Label Studio that brought anything."""
        looks = self.of_kind(Polled)
        return looks[-1] if looks else None

    def stage(self, kind: type[_Kind], iteration: int) -> _Kind | None:
        """Find the event by which `iteration` finished the stage `kind`, None where it has not."""
        found = [event for event in self.of_kind(kind) if event.iteration == iteration]
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

    def _standing(self) -> _Standing:
        """Give the annotations in force, and what was sent back and not answered since, keyed by task."""
        self._catch_up()
        if self._stood is None:
            self._stood = self._count_standing()
        return self._stood

    def _count_standing(self) -> _Standing:
        held: dict[tuple[int, int | None], SectionLabelled] = {}
        returned: dict[int, SentBack] = {}
        for event in self._read:
            if isinstance(event, SectionLabelled):
                source = event.section, event.correction.annotation_id if event.correction else None
                held.pop(source, None)
                held[source] = event
                before = returned.pop(event.correction.task_id, None) if event.correction else None
                if before is not None and before.annotation_id != source[1]:
                    held.pop((event.section, before.annotation_id), None)
            elif isinstance(event, AnnotationDeleted):
                held.pop((event.section, event.annotation_id), None)
            elif isinstance(event, SentBack):
                returned[event.task_id] = event
                if not event.usable:
                    held.pop((event.section, event.annotation_id), None)
        return list(held.values()), returned

    def _accepted(self) -> set[tuple[int, str]]:
        return {(event.annotation_id, event.file) for event in self.of_kind(Accepted)}

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


def _newest(events: Iterable[SectionLabelled]) -> dict[Place, SectionLabelled]:
    """Give the last event of every place, the oldest first."""
    newest: dict[Place, SectionLabelled] = {}
    for event in events:
        newest.pop(event.place, None)
        newest[event.place] = event
    return newest


def _may_train(event: SectionLabelled, accepted: Set[tuple[int, str]]) -> bool:
    source = event.correction
    return source is None or not source.review_required or (source.annotation_id, event.file) in accepted


def _is_unfit(event: SectionLabelled) -> bool:
    return event.correction is not None and event.correction.discarded


def _end_of_last_line(stream: BinaryIO) -> int:
    """Give the number of bytes up to the last line's end, read backwards from the end of the file."""
    here = stream.seek(0, os.SEEK_END)
    while here > 0:
        start = max(here - _TAIL_BYTES, 0)
        stream.seek(start)
        found = stream.read(here - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        here = start
    return 0


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
