"""The report's sentences and figures: what happened, in words that a PI reads in ten seconds."""

from flows.summary import IterationSummary, RunSummary
from loop.agreement import SectionAgreement
from loop.metrics import Agreement


def verdict(summary: RunSummary) -> str:
    """Say in one or two sentences what the iterations did to the hold-out and what they cost."""
    measured = summary.measured
    if not measured:
        return "No model has been measured on the hold-out yet."
    return f"{_change(measured)} {_corrections(summary)}"


def _change(measured: tuple[tuple[IterationSummary, Agreement], ...]) -> str:
    first, best = measured[0][1].voi, min(agreement.voi for _, agreement in measured)
    if len(measured) == 1:
        return f"The first model reaches a hold-out VOI of {first:.2f} bits."
    span = f"over {counted(len(measured), 'iteration')}"
    if best >= first:
        return f"Hold-out VOI has not fallen {span}: no model was better than the first with {first:.2f} bits."
    return f"Hold-out VOI fell from {first:.2f} to {best:.2f} bits ({percent(best / first - 1)}) {span}."


def _corrections(summary: RunSummary) -> str:
    corrected = [section for turn in summary.iterations for section in turn.corrected]
    sections = sum(turn.sections_ingested for turn in summary.iterations)
    if not sections:
        return "No section has come back from annotators yet."
    minutes = sum(section.minutes for section in corrected)
    spent = f"in {duration(60 * minutes)}" if minutes else "at no human time"
    people = sorted({section.annotator for section in corrected})
    who = " and ".join(people) if len(people) < 3 else f"{len(people)} annotators"
    verb = "was" if sections == 1 else "were"
    return f"{counted(sections, asked_for(summary)).capitalize()} {verb} corrected by {who} {spent}."


def asked_for(summary: RunSummary) -> str:
    """Name what annotators were asked for: sections, tiles, or tasks where there were both."""
    tiled = {section.tile is not None for turn in summary.iterations for section in turn.corrected}
    return "task" if len(tiled) > 1 else "tile" if tiled == {True} else "section"


def key_figures(summary: RunSummary) -> list[tuple[str, str, str]]:
    """Give the figures at the top of the page: value, what it is, and a note."""
    figures = []
    if summary.measured:
        turn, agreement = min(summary.measured, key=lambda pair: pair[1].voi)
        figures.append(
            (f"{agreement.voi:.2f} bits", "best hold-out VOI", f"iteration {turn.iteration}, lower is better")
        )
        first = summary.measured[0][1].voi
        change = agreement.voi / first - 1 if first else 0.0
        figures.append((percent(change), "change since the first model", f"from {first:.2f} bits"))
    corrected = [section for turn in summary.iterations for section in turn.corrected]
    touched = sum(section.regions_touched for section in corrected)
    sections = sum(turn.sections_ingested for turn in summary.iterations)
    figures.append((str(sections), f"{asked_for(summary)}s corrected", counted(touched, "region") + " touched"))
    trained = sum(turn.training_seconds or 0 for turn in summary.iterations)
    spent = duration(60 * sum(section.minutes for section in corrected))
    figures.append((spent, "of human work", f"{duration(trained)} of training"))
    return figures


def agreement_words(found: SectionAgreement) -> str:
    """Say how far two annotations of a section agree."""
    objects = found.matched + found.only_first + found.only_second
    said = f"{found.matched} of {objects} objects matched, mean IoU {found.mean_iou:.2f}"
    if found.voi is None or found.adapted_rand_error is None:
        return said
    return f"{said}, VOI {found.voi:.3f} bits, adapted Rand error {found.adapted_rand_error:.3f}"


def percent(change: float) -> str:
    """Write a relative change with its sign, without a sign where it rounds to nothing."""
    rounded = round(100 * change)
    sign = "\N{MINUS SIGN}" if rounded < 0 else "+" if rounded > 0 else ""
    return f"{sign}{abs(rounded)}\N{NO-BREAK SPACE}%"


def duration(seconds: float) -> str:
    """Write a time in the unit that people would use."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def counted(number: int, noun: str) -> str:
    """Write a number with its noun; small ones as words."""
    words = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    shown = words[number] if number < len(words) else f"{number:,}"
    return f"{shown} {noun}" if number == 1 else f"{shown} {noun}s"
