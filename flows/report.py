"""The page that shows annotators, engineers and the PI what a run has done: one file without outside parts."""

from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from flows.report_curve import voi_by_iteration, voi_by_sections
from flows.report_effort import minutes_by_iteration
from flows.report_pictures import panel_pictures
from flows.report_words import agreement_words, duration, key_figures, verdict
from flows.summary import ChosenSection, CorrectedSection, IterationSummary, RunSummary, SectionPanel
from loop.atomic import write_text
from loop.places import Place


@dataclass(frozen=True)
class _Shown:
    """A hold-out section on the page."""

    title: str
    panel: SectionPanel
    pictures: list[tuple[str, str]]


@dataclass(frozen=True)
class _Proofread:
    """What annotators got in one iteration, and one of the annotations that came back."""

    place: Place
    chosen: ChosenSection | None
    corrected: CorrectedSection | None
    skipped: bool
    again: bool
    """The row above shows the same place."""


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
    measured = summary.measured
    return environment.get_template("report.html.j2").render(
        run=summary,
        verdict=verdict(summary),
        figures=key_figures(summary),
        curves=[voi_by_iteration(measured), voi_by_sections(measured)] if measured else [],
        sections=_shown_sections(summary),
        minutes=minutes_by_iteration(summary.iterations),
        proofread=[(turn, _proofread(turn)) for turn in summary.iterations if turn.chosen or turn.corrected],
    )


def _shown_sections(summary: RunSummary) -> list[_Shown]:
    titled = (("Best hold-out section", summary.best), ("Worst hold-out section", summary.worst))
    return [_Shown(title, panel, panel_pictures(panel)) for title, panel in titled if panel is not None]


def _proofread(turn: IterationSummary) -> list[_Proofread]:
    """Put each chosen section beside its corrections, in the order of choice; without any it has one row too."""
    chosen = {section.place: section for section in turn.chosen}
    rows = []
    for place in chosen | {section.place: section for section in turn.corrected}:
        came_back: list[CorrectedSection | None] = [section for section in turn.corrected if section.place == place]
        for number, section in enumerate(came_back or [None]):
            rows.append(_Proofread(place, chosen.get(place), section, skipped=place in turn.skipped, again=number > 0))
    return rows
