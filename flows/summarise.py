"""From the ledger to what people read: the summary behind report, table and `--json`."""

from functools import partial
from pathlib import Path
from typing import Any, Protocol

from rich.box import SIMPLE_HEAD
from rich.table import Table

from flows.answers import Answers
from flows.data_config import DataConfig
from flows.summary import ChosenSection, CorrectedSection, GoldAnswer, IterationSummary, RunSummary
from loop.answer_events import Correction, GoldAnswered
from loop.events import Evaluated, Gated, Ingested, Published, Ranked, Trained
from loop.iteration import position
from loop.ledger import Ledger
from loop.places import Place
from loop.promotion import promoted_iterations

_HEADINGS = (
    *("turn", "labelled\nsections", "VOI", "split", "merge", "Rand\nerror", "Dice", "promo-\nted"),
    *("tasks\nback", "edits", "human\nmin", "train\ns"),
)
_COUNTED = (
    *("regions_split", "regions_merged", "regions_reshaped", "regions_added", "regions_deleted"),
    "pixels_changed",
)


class Recorded(Protocol):
    """What of a run is told: an opened run has it, and its record alone."""

    @property
    def name(self) -> str:
        """The run's folder name."""

    @property
    def ledger(self) -> Ledger:
        """The append-only record."""

    @property
    def data(self) -> DataConfig:
        """Volume, labels and the purpose of the sections."""


def summarise(run: Recorded) -> RunSummary:
    """Gather what the ledger says about a run."""
    numbers = range(1, position(run.ledger).iteration + 1)
    answers = Answers.of(run.ledger)
    return RunSummary(
        name=run.name,
        volume=run.data.volume,
        voxel_size_nm_zyx=run.data.voxel_size_nm_zyx,
        holdout=run.data.holdout,
        iterations=tuple(turn for turn in (_iteration(run, answers, number) for number in numbers) if turn is not None),
    )


def summary_rows(summary: RunSummary) -> list[dict[str, Any]]:
    """Give one flat record per iteration, for JSON and for Prefect's table."""
    return [_row(turn) for turn in summary.iterations]


def status_records(summary: RunSummary) -> list[dict[str, Any]]:
    """Give the same records with every annotation and what it took, for other programs."""
    return [
        row
        | {
            "skipped": [place.z if place.tile is None else str(place) for place in turn.skipped],
            "corrections": [_correction_row(section) for section in turn.corrected],
            "gold": [_gold_row(answer) for answer in turn.gold],
            "gate": turn.decision.model_dump() if turn.decision else None,
            "drift": turn.drift.model_dump() if turn.drift else None,
            "origin": turn.origin.model_dump() if turn.origin else None,
            "advice": summary.advice(until=turn.iteration).model_dump(),
        }
        for row, turn in zip(summary_rows(summary), summary.iterations, strict=True)
    ]


def status_table(summary: RunSummary) -> Table:
    """Lay the iterations out for a terminal."""
    title = f"Run {summary.name}: hold-out {summary.holdout} of {Path(summary.volume).name}; VOI in bits"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=0)
    for heading in _HEADINGS:
        table.add_column(heading, justify="right", no_wrap=True)
    for row in summary_rows(summary):
        figures = [row[name] for name in ("voi", "voi_split", "voi_merge", "adapted_rand_error", "dice")]
        table.add_row(
            str(row["iteration"]),
            str(row["labelled_sections"]),
            *("" if figure is None else f"{figure:.3f}" for figure in figures),
            _promoted_word(row),
            f"{row['sections_ingested']}/{row['sections_published']}",
            str(row["regions_touched"]),
            f"{row['human_minutes']:.1f}",
            "" if row["training_seconds"] is None else f"{row['training_seconds']:.0f}",
        )
    alarms = [f"Alarm in turn {turn.iteration}: {alarm}" for turn in summary.iterations[-1:] for alarm in turn.alarms]
    table.caption, table.caption_justify = "\n".join([*alarms, summary.advice().said]), "left"
    return table


def _promoted_word(row: dict[str, Any]) -> str:
    if row["promoted"] is None:
        return ""
    if row["promoted"]:
        return "back" if row["withdrawn"] else "yes"
    return "alarm" if row["alarms"] else "no"


def _row(turn: IterationSummary) -> dict[str, Any]:
    measured = turn.agreement
    metrics = ("voi_split", "voi_merge", "voi", "adapted_rand_error", "precision", "recall", "dice")
    return {
        "iteration": turn.iteration,
        "labelled_sections": turn.labelled_sections,
        **{name: None if measured is None else getattr(measured, name) for name in metrics},
        "promoted": None if turn.decision is None else turn.decision.promoted,
        "gate_reason": None if turn.decision is None else turn.decision.reason,
        "withdrawn": turn.withdrawn,
        "alarms": list(turn.alarms),
        "sections_published": len(turn.chosen),
        "sections_ingested": turn.sections_ingested,
        "sections_skipped": len(turn.skipped),
        "regions_touched": turn.regions_touched,
        **{name: sum(getattr(effort, name) for effort in turn.efforts) if turn.efforts else None for name in _COUNTED},
        "strokes": sum(section.strokes for section in turn.corrected),
        "human_minutes": turn.human_minutes,
        "minutes_per_section": turn.minutes_per_section,
        "training_seconds": turn.training_seconds,
    }


def _correction_row(section: CorrectedSection) -> dict[str, Any]:
    return {
        "section": section.z,
        "tile": section.tile,
        "annotator": section.annotator,
        "state": section.state,
        "human_minutes": section.minutes,
        "strokes": section.strokes,
        "effort": section.effort.model_dump() if section.effort else None,
        "agreement": [{"with": other} | found.model_dump() for other, found in section.agreements],
    }


def _gold_row(answer: GoldAnswer) -> dict[str, Any]:
    return {
        "section": answer.z,
        "annotator": answer.annotator,
        "human_minutes": answer.minutes,
        "published": answer.published.model_dump(),
        "answered": answer.answered.model_dump(),
    }


def _iteration(run: Recorded, answers: Answers, number: int) -> IterationSummary | None:
    trained = run.ledger.stage(Trained, number)
    if trained is None:
        return None
    evaluated, gated = run.ledger.stage(Evaluated, number), run.ledger.stage(Gated, number)
    ranked = run.ledger.stage(Ranked, number)
    return IterationSummary(
        iteration=number,
        labelled_sections=len(trained.sections),
        training_seconds=trained.seconds,
        agreement=evaluated.mean if evaluated else None,
        decision=gated.decision if gated else None,
        alarms=tuple(gated.alarms) if gated else (),
        withdrawn=bool(gated and gated.decision.promoted) and number not in promoted_iterations(run.ledger),
        origin=trained.origin,
        drift=gated.drift if gated else None,
        chosen=_chosen_in(ranked) if ranked else (),
        corrected=_corrected_in(answers, number),
        repeats=tuple(published.repeats) if (published := run.ledger.stage(Published, number)) else (),
        skipped=_skipped_in(run.ledger, number),
        gold=_gold_in(run.ledger, number),
        holdout=evaluated.sections if evaluated else {},
        model_sha256=trained.sha256,
    )


def _chosen_in(ranked: Ranked) -> tuple[ChosenSection, ...]:
    return tuple(ChosenSection(place.z, partial(ranked.reason, place), place.tile) for place in ranked.chosen)


def _corrected_in(answers: Answers, number: int) -> tuple[CorrectedSection, ...]:
    """Give the newest version of every annotation of an iteration."""
    return tuple(
        _corrected(event.place, event.correction, state=answers.state(event), agreements=answers.agreements(event))
        for event in answers.newest.get(number, {}).values()
        if event.correction is not None
    )


def _gold_in(ledger: Ledger, number: int) -> tuple[GoldAnswer, ...]:
    """Give the newest version of every answer to a gold task of an iteration."""
    answers = [event for event in ledger.of_kind(GoldAnswered) if event.correction.iteration == number]
    newest = {event.correction.annotation_id: event for event in answers}
    return tuple(
        GoldAnswer(
            z=event.section,
            annotator=event.correction.annotator,
            minutes=_corrected(Place(event.section, event.tile), event.correction).minutes,
            published=event.published,
            answered=event.answered,
        )
        for event in newest.values()
    )


def _skipped_in(ledger: Ledger, number: int) -> tuple[Place, ...]:
    closed, published, polled = ledger.stage(Ingested, number), ledger.stage(Published, number), ledger.polled()
    if closed or not published or not polled:
        return tuple(closed.skipped) if closed else ()
    return tuple(place for place, task in published.tasks.items() if task in polled.skipped)


def _corrected(place: Place, correction: Correction, **known: Any) -> CorrectedSection:
    return CorrectedSection(
        z=place.z,
        tile=place.tile,
        annotator=correction.annotator,
        minutes=correction.human_minutes,
        regions_kept=correction.regions_kept,
        regions_changed=correction.regions_changed,
        regions_added=correction.regions_added,
        regions_deleted=correction.regions_deleted,
        effort=correction.effort,
        strokes=correction.strokes,
        **known,
    )
