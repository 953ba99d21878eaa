from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from loop.answer_events import Correction, Polled, SectionLabelled
from loop.events import Ingested, Published, Trained
from loop.ledger import Ledger
from loop.places import Place
from loop.waiting import Patience, waiting

MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)


def trained(iteration: int) -> Trained:
    return Trained(iteration=iteration, checkpoint="c", sha256="s", sections=[0], final_loss=0.1, seconds=1.0)


def published(iteration: int, tasks: dict[int, int]) -> Published:
    return Published(at=MONDAY, iteration=iteration, tasks={Place(z): task for z, task in tasks.items()})


def answer(z: int, task: int, *, iteration: int = 1, discarded: bool = False) -> SectionLabelled:
    correction = Correction(
        iteration=iteration,
        task_id=task,
        annotation_id=task + 100,
        annotator="a@lab.example",
        submitted_at=MONDAY,
        lead_time_s=60.0,
        model_sha256="m",
        result_sha256=f"r{task}",
        regions_kept=1,
        regions_changed=0,
        regions_added=0,
        regions_deleted=0,
        discarded=discarded,
    )
    return SectionLabelled(section=z, file=f"{z}.npz", sha256="h", correction=correction)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Four tasks are with annotators."""
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.append(trained(1))
    ledger.append(published(1, {5: 11, 6: 12, 7: 13, 8: 14}))
    return ledger


def why(ledger: Ledger, patience: Patience, *, days: float = 0) -> str | None:
    found = waiting(ledger)
    assert found is not None
    return found.over_because(patience, MONDAY + timedelta(days=days))


def test_enough_corrections_end_the_waiting_and_a_section_that_is_unfit_is_none(ledger: Ledger) -> None:
    ledger.append(answer(5, 11))
    ledger.append(answer(5, 11))  # edited again: one section
    ledger.append(answer(6, 12, discarded=True))
    assert why(ledger, Patience(after_corrections=2), days=1000) is None
    ledger.append(answer(7, 13))
    assert why(ledger, Patience(after_corrections=2)) == "2 corrections of 2 are there"
    assert why(ledger, Patience()) is None
    found = waiting(ledger)
    assert found is not None
    assert found.describe() == "3 of 4 tasks answered, 2 new corrections"


def test_the_deadline_ends_the_waiting_if_enough_is_there(ledger: Ledger) -> None:
    patience = Patience(deadline_days=3, at_least=2)
    ledger.append(answer(5, 11))
    assert why(ledger, patience, days=30) is None
    ledger.append(answer(6, 12))
    assert why(ledger, patience, days=2.99) is None
    assert why(ledger, patience, days=3) == "3 days are over"


def test_a_task_left_open_may_be_answered_in_any_later_iteration(ledger: Ledger) -> None:
    ledger.append(answer(5, 11))
    ledger.append(Ingested(iteration=1, sections=[Place(5)], left_open=[12, 13, 14]))
    assert waiting(ledger) is None
    assert ledger.left_open() == {12: Place(6), 13: Place(7), 14: Place(8)}
    ledger.append(trained(2))
    ledger.append(published(2, {9: 15}))
    ledger.append(answer(6, 12))
    ledger.append(Polled(seen_until=MONDAY, skipped=[14], refused={}))
    assert ledger.left_open() == {13: Place(7)}
    assert ledger.open_tasks(2) == {15: Place(9)}
    assert sorted(ledger.trainable()) == [5, 6]
    assert why(ledger, Patience(after_corrections=1)) == "1 corrections of 1 are there"  # the late one counts too
