"""What the record of a run teaches about the minutes of its next tasks."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.config import RunConfig
from flows.initialise import init_run
from flows.learnt_effort import learnt_effort
from flows.runs import Run
from loop.annotators import ORACLE
from loop.answer_events import Correction, SectionLabelled
from loop.doubts import Doubt
from loop.events import Ranked
from loop.places import Place
from loop.uncertainty import Uncertainty

DOUBTS = 40
OBJECTS = 100


def asked(run: Run, *sections: int, minutes_count: bool = True) -> None:
    doubt = Doubt(border_px=300, stretches=DOUBTS, spots=[], labelled_sections_away=1)
    places = [Place(z) for z in sections]
    run.ledger.append(
        Ranked(
            iteration=1,
            chosen=places,
            uncertainty=dict.fromkeys(places, Uncertainty(entropy_bits=0.5, disagreement=0)),
            doubts=dict.fromkeys(places, doubt),
            predicted_in=1,
            objects=dict.fromkeys(places, OBJECTS) if minutes_count else {},
        )
    )


def answered(run: Run, z: int, *, by: str, strokes: int, minutes: float, discarded: bool = False) -> None:
    correction = Correction(
        iteration=1,
        task_id=z,
        annotation_id=z,
        annotator=by,
        submitted_at=datetime(2026, 11, 28, tzinfo=UTC),
        lead_time_s=60 * minutes,
        model_sha256="m",
        result_sha256="r",
        regions_kept=OBJECTS,
        regions_changed=1,
        regions_added=0,
        regions_deleted=0,
        cuts=strokes - 1,
        discarded=discarded,
    )
    run.ledger.append(SectionLabelled(section=z, file="f", sha256="s", correction=correction))


@pytest.fixture
def run(tmp_path: Path, quick: RunConfig) -> Run:
    return init_run(tmp_path / "run", quick)


def test_before_anybody_answered_the_configured_figures_are_expected(run: Run) -> None:
    asked(run, 5, 6)
    assert learnt_effort(run) == run.config.effort


def test_the_oracle_teaches_corrections_and_people_their_pace_too(run: Run) -> None:
    asked(run, 5, 6, 7)
    prior = run.config.effort.corrections_per_doubt
    answered(run, 5, by=ORACLE, strokes=200, minutes=0.01)
    by_oracle = learnt_effort(run)
    assert by_oracle.corrections_per_doubt == pytest.approx((50 * prior + 200) / (50 + DOUBTS))
    assert by_oracle.pace == 1
    answered(run, 6, by="ann@lab", strokes=200, minutes=60)
    by_both = learnt_effort(run)
    assert by_both.corrections_per_doubt == pytest.approx((50 * prior + 400) / (50 + 2 * DOUBTS))
    assert by_both.pace > 1.5


def test_only_the_newest_version_counts_and_no_discarded_section(run: Run) -> None:
    asked(run, 5, 6)
    answered(run, 5, by="ann@lab", strokes=400, minutes=90)
    answered(run, 5, by="ann@lab", strokes=100, minutes=12)
    once = learnt_effort(run)
    answered(run, 6, by="ann@lab", strokes=300, minutes=0.2, discarded=True)
    assert learnt_effort(run) == once
    prior = run.config.effort.corrections_per_doubt
    assert once.corrections_per_doubt == pytest.approx((50 * prior + 100) / (50 + DOUBTS))


def test_places_that_were_not_chosen_by_minutes_teach_nothing(run: Run) -> None:
    asked(run, 5, minutes_count=False)
    answered(run, 5, by="ann@lab", strokes=400, minutes=90)
    assert learnt_effort(run) == run.config.effort
