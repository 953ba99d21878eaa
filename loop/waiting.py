"""When a turn goes on without waiting for all of its answers."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

from loop.answer_events import SectionLabelled
from loop.events import Published, Trained
from loop.iteration import Stage, position
from loop.ledger import Ledger
from loop.places import Place


class Patience(BaseModel):
    """How long a turn waits for people; whatever of it comes first lets the next one begin."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    after_corrections: int = Field(default=0, ge=0, le=100_000, title="Corrections that are enough")
    """So many corrections since the last training are enough; 0 waits until every task is answered or skipped."""
    deadline_days: float | None = Field(default=None, gt=0, le=3650, title="Deadline in days")
    """Days after publishing when the turn goes on with what is there; without it people may take any time."""
    at_least: int = Field(default=1, ge=1, le=100_000, title="Corrections for the deadline to count")
    """Corrections that must be there for the deadline to count."""


@dataclass(frozen=True)
class Waiting:
    """What a run waits for."""

    asked: int
    """Tasks of the open iteration."""
    still_open: int
    """Of these, those to be answered yet."""
    corrections: int
    """Sections or tiles that the next model can learn from and the last one could not."""
    since: datetime
    """When the tasks were published, UTC."""

    def over_because(self, patience: Patience, now: datetime) -> str | None:
        """Say why the waiting is over although tasks are open, None while it is not."""
        if patience.after_corrections and self.corrections >= patience.after_corrections:
            return f"{self.corrections} corrections of {patience.after_corrections} are there"
        if patience.deadline_days is None or self.corrections < patience.at_least:
            return None
        late = now - self.since >= timedelta(days=patience.deadline_days)
        return f"{patience.deadline_days:g} days are over" if late else None

    def describe(self) -> str:
        """Say in a line what is waited for."""
        return f"{self.asked - self.still_open} of {self.asked} tasks answered, {self.corrections} new corrections"


def waiting(ledger: Ledger) -> Waiting | None:
    """Tell what a run waits for, None while the next step is the machine's."""
    here = position(ledger)
    if here.stage is not Stage.INGEST:
        return None
    published = ledger.finished(Published, here.iteration)
    return Waiting(
        asked=len(published.tasks) + len(published.repeats) + len(published.gold),
        still_open=len(ledger.open_tasks(here.iteration)),
        corrections=len(new_corrections(ledger)),
        since=published.at,
    )


def new_corrections(ledger: Ledger) -> set[Place]:
    """Find what came back since the last training began to count and a model may learn from."""
    events = ledger.events()
    last = max((number for number, event in enumerate(events) if isinstance(event, Trained)), default=-1)
    later = {e.place for e in events[last + 1 :] if isinstance(e, SectionLabelled) and e.correction is not None}
    usable = {event.place for layers in ledger.trainable().values() for event in layers}
    return later & usable


def nothing_left_to_ask(ledger: Ledger) -> bool:
    """Whether the last turn found nothing to ask, so that another would learn nothing new."""
    here = position(ledger)
    last = ledger.stage(Published, here.iteration - 1)
    return here.stage is Stage.TRAIN and last is not None and not last.tasks
