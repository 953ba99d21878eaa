"""The page that shows annotators, engineers and the PI what a run has done: one file without outside parts."""

from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from flows.report.curve import rand_by_iteration, voi_by_iteration, voi_by_sections
from flows.report.effort import edits_by_iteration, minutes_by_iteration
from flows.report.gate import gate_by_iteration
from flows.report.pictures import panel_pictures
from flows.report.tracks import axons_picture, strip_pictures
from flows.report.words import agreement_words, answers, duration, key_figures
from flows.summary import ChosenSection, CorrectedSection, IterationSummary, RunSummary, SectionPanel
from loop.atomic import write_text
from loop.places import Place

SHOWN_ROWS = 400
"""Answers shown one by one, of the newest turns; what is older has a row for each turn."""


@dataclass(frozen=True)
class _Shown:
    """A hold-out section on the page."""

    title: str
    panel: SectionPanel
    pictures: list[tuple[str, str]]


@dataclass(frozen=True)
class _Chart:
    """A picture of a course over iterations."""

    picture: str
    said: str
    """What it shows, for those who do not see it."""
    height: int


@dataclass(frozen=True)
class _Proofread:
    """What annotators got in one iteration, and one of the annotations that came back."""

    place: Place
    chosen: ChosenSection | None
    corrected: CorrectedSection | None
    skipped: bool
    again: bool
    """The row above shows the same place."""


@dataclass(frozen=True)
class _Turn:
    """What annotators did in one iteration."""

    summary: IterationSummary
    rows: list[_Proofread]
    more: int
    """Rows that are left out."""


def write_report(out: Path, *, summary: RunSummary) -> Path:
    """Write `index.html` into folder `out`, replacing an older one, and return its path.

    The page needs no other file and no network: style and pictures are inside it.
    """
    path = out / "index.html"
    write_text(path, render_report(summary))
    return path


def render_report(summary: RunSummary) -> str:
    """Render the page as HTML text; the same summary gives the same text."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"duration": duration, "agreement_words": agreement_words}
    older, newest = _proofread_turns(summary)
    return environment.get_template("report.html.j2").render(
        run=summary,
        answers=answers(summary),
        figures=key_figures(summary),
        curves=_curves(summary),
        sections=_shown_sections(summary),
        gate=_charts((gate_by_iteration(summary.iterations), "VOI of each model less that of the best before it")),
        efforts=_charts(
            (minutes_by_iteration(summary.iterations), "Minutes per section, by iteration"),
            (edits_by_iteration(summary.iterations), "Edits per section, by iteration"),
        ),
        older=older,
        newest=newest,
        axons_picture=axons_picture(summary.traced) if summary.traced else None,
        strips=[(strip, strip_pictures(strip)) for strip in summary.traced.strips] if summary.traced else [],
    )


def _curves(summary: RunSummary) -> list[_Chart]:
    measured = summary.measured
    if not measured:
        return []
    (first, began), (last, ended) = measured[0], measured[-1]
    voi = f"{began.voi:.2f} bits in iteration {first.iteration}, {ended.voi:.2f} in iteration {last.iteration}"
    rand = f"{began.adapted_rand_error:.3f} at first, {ended.adapted_rand_error:.3f} at last"
    sections = f"with {last.labelled_sections} labelled sections {ended.voi:.2f} bits. {summary.advice().said}"
    return [
        _Chart(voi_by_iteration(measured), f"Hold-out VOI by iteration: {voi}", 252),
        _Chart(rand_by_iteration(measured), f"Hold-out adapted Rand error by iteration: {rand}", 252),
        _Chart(voi_by_sections(measured, summary.advice()), f"Hold-out VOI by labelled sections: {sections}", 252),
    ]


def _charts(*drawn: tuple[str | None, str]) -> list[_Chart]:
    return [_Chart(picture, said, 209) for picture, said in drawn if picture is not None]


def _shown_sections(summary: RunSummary) -> list[_Shown]:
    titled = (("Best hold-out section", summary.best), ("Worst hold-out section", summary.worst))
    return [_Shown(title, panel, panel_pictures(panel)) for title, panel in titled if panel is not None]


def _proofread_turns(summary: RunSummary) -> tuple[list[IterationSummary], list[_Turn]]:
    """Give the turns of which each has a row, and the newest ones, which are shown answer by answer."""
    asked = [turn for turn in summary.iterations if turn.chosen or turn.corrected]
    newest: list[_Turn] = []
    room = SHOWN_ROWS
    for turn in reversed(asked):
        rows = _proofread(turn)
        if newest and len(rows) > room:
            break
        newest.insert(0, _Turn(turn, rows[:room], max(len(rows) - room, 0)))
        room -= len(rows)
    return asked[: len(asked) - len(newest)], newest


def _proofread(turn: IterationSummary) -> list[_Proofread]:
    """Put each chosen section beside its corrections, in the order of choice; without any it has one row too."""
    chosen = {section.place: section for section in turn.chosen}
    rows = []
    for place in chosen | {section.place: section for section in turn.corrected}:
        came_back: list[CorrectedSection | None] = [section for section in turn.corrected if section.place == place]
        for number, section in enumerate(came_back or [None]):
            rows.append(_Proofread(place, chosen.get(place), section, skipped=place in turn.skipped, again=number > 0))
    return rows
