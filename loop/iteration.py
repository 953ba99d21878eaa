"""The stages of an iteration and which of them may follow; the ledger alone says where a run stands."""

from dataclasses import dataclass
from enum import StrEnum

from loop.errors import IllegalTransition
from loop.events import Ingested, Ranked, RolledBack, StageEvent
from loop.ledger import Ledger


class Stage(StrEnum):
    """One stage of an iteration, in the order in which they happen."""

    TRAIN = "train"
    PREDICT = "predict"
    EVALUATE = "evaluate"
    GATE = "gate"
    RANK = "rank"
    PUBLISH = "publish"
    INGEST = "ingest"


@dataclass(frozen=True)
class Position:
    """Where a run stands: the open iteration and the stage that comes next."""

    iteration: int
    stage: Stage


def position(ledger: Ledger) -> Position:
    """Read from the ledger which stage of which iteration comes next."""
    events = [event for event in ledger.events() if isinstance(event, StageEvent | RolledBack)]
    stages = [event for event in events if isinstance(event, StageEvent)]
    if not stages:
        return Position(1, Stage.TRAIN)
    last = stages[-1]
    if isinstance(last, Ranked) and isinstance(events[-1], RolledBack):
        return Position(last.iteration, Stage.RANK)  # the withdrawn model chose what was to be published
    if isinstance(last, Ingested):
        return Position(last.iteration + 1, Stage.TRAIN)
    order = list(Stage)
    return Position(last.iteration, order[order.index(Stage(last.kind)) + 1])


def require(ledger: Ledger, stage: Stage) -> int:
    """Give the number of the open iteration, provided that `stage` comes next.

    Raises
    ------
    IllegalTransition
        If another stage comes next.
    """
    here = position(ledger)
    if here.stage is not stage:
        raise IllegalTransition(
            f"{stage} cannot happen now: iteration {here.iteration} goes on with {here.stage}; "
            f"proofloop iterate takes the stages in order"
        )
    return here.iteration
