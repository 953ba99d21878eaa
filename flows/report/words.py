"""The report's sentences and figures: what happened, in words that a PI reads in ten seconds."""

import numpy as np

from flows.summary import IterationSummary, Measured, RunSummary
from loop.agreement import SectionAgreement
from loop.gate import block_interval
from loop.metrics import Agreement


def answers(summary: RunSummary) -> list[tuple[str, str]]:
    """Answer what a PI asks: question and answer, most important first."""
    return [
        ("Is it better?", better(summary)),
        ("What did the hours buy?", bought(summary)),
        ("When can we stop?", summary.advice().said),
    ]


def better(summary: RunSummary) -> str:
    """Say how far the hold-out VOI fell, how sure that is, and what the gate made of the last model."""
    measured = summary.measured
    if not measured:
        return "No model has been measured on the hold-out yet."
    turn, agreement = _best(measured)
    first, best = measured[0][1].voi, agreement.voi
    if len(measured) == 1:
        return f"The first model reaches a hold-out VOI of {first:.2f} bits; there is none to compare it with yet."
    span = f"over {counted(len(measured), 'iteration')}"
    if best >= first:
        said = f"No. Hold-out VOI has not fallen {span}: no model was better than the first with {first:.2f} bits."
    else:
        fall = _fall(measured[0][0], turn)
        sure = "" if fall is None else f" The fall is {first - best:{_digits(fall)}} bits, {_interval(fall)}."
        digits = ".3f" if f"{first:.2f}" == f"{best:.2f}" else ".2f"
        change = (
            f"Hold-out VOI fell from {first:{digits}} to {best:{digits}} bits ({percent(best / first - 1)}) {span}."
        )
        said = f"{'Yes' if fall is None or fall[0] > 0 else 'Perhaps'}. {change}{sure}"
    return said + _last_model(measured[-1][0])


def bought(summary: RunSummary) -> str:
    """Say what annotators corrected, in which time, and how much the VOI fell by hour until the best model."""
    corrected = [section for turn in summary.iterations for section in turn.corrected]
    sections = sum(turn.sections_ingested for turn in summary.iterations)
    if not sections:
        return "No section has come back from annotators yet."
    minutes = sum(turn.human_minutes for turn in summary.iterations)
    spent = f"in {duration(60 * minutes)}" if minutes else "at no human time"
    people = sorted({section.annotator for section in corrected})
    who = " and ".join(people) if len(people) < 3 else f"{len(people)} annotators"
    verb = "was" if sections == 1 else "were"
    said = f"{counted(sections, asked_for(summary)).capitalize()} {verb} corrected by {who} {spent}."
    return said + _by_hour(summary)


def _best(measured: Measured) -> tuple[IterationSummary, Agreement]:
    """Find the best model of those that were not withdrawn."""
    return min(measured, key=lambda pair: (pair[0].withdrawn, pair[1].voi))


def _fall(first: IterationSummary, best: IterationSummary) -> tuple[float, float] | None:
    """Give the 95 % interval of the fall of the VOI, section by section; None in runs without these."""
    sections = sorted(first.holdout.keys() & best.holdout.keys())
    if len(sections) < 2:
        return None
    return block_interval(np.array([first.holdout[z].voi - best.holdout[z].voi for z in sections]))


def _last_model(turn: IterationSummary) -> str:
    if turn.withdrawn:
        return f" The last model, of iteration {turn.iteration}, was rolled back."
    if turn.alarms:
        return f" Look at the last one: {'; '.join(turn.alarms)}."
    if turn.decision is not None and not turn.decision.promoted:
        return f" The last model, of iteration {turn.iteration}, was kept out."
    return ""


def _by_hour(summary: RunSummary) -> str:
    """Say by how much an hour lowered the VOI until the best model; nothing where there is none to tell of."""
    if len(summary.measured) < 2:
        return ""
    best, agreement = _best(summary.measured)
    hours = sum(turn.human_minutes for turn in summary.iterations if turn.iteration < best.iteration) / 60
    fall = summary.measured[0][1].voi - agreement.voi
    if not hours or fall <= 0:
        return ""
    return f" Until the best model each hour went with {fall / hours:.2f} bits less, what longer training did included."


def asked_for(summary: RunSummary) -> str:
    """Name what annotators were asked for: sections, tiles, or tasks where there were both."""
    tiled = {section.tile is not None for turn in summary.iterations for section in turn.corrected}
    return "task" if len(tiled) > 1 else "tile" if tiled == {True} else "section"


def key_figures(summary: RunSummary) -> list[tuple[str, str, str]]:
    """Give the figures at the top of the page: value, what it is, and a note."""
    figures = []
    if summary.measured:
        turn, agreement = _best(summary.measured)
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
    spent = duration(60 * sum(turn.human_minutes for turn in summary.iterations))
    figures.append((spent, "of human work", f"{duration(trained)} of training"))
    return figures


def agreement_words(found: SectionAgreement) -> str:
    """Say how far two annotations of a section agree."""
    objects = found.matched + found.only_first + found.only_second
    said = f"{found.matched} of {objects} objects matched, mean IoU {found.mean_iou:.2f}"
    if found.voi is None or found.adapted_rand_error is None:
        return said
    return f"{said}, VOI {found.voi:.3f} bits, adapted Rand error {found.adapted_rand_error:.3f}"


def _interval(ends: tuple[float, float]) -> str:
    low, high = (f"{end:{_digits(ends)}}".replace("-", "\N{MINUS SIGN}") for end in ends)
    return f"95 % interval {low} to {high}"


def _digits(ends: tuple[float, float]) -> str:
    """Say how a value is written of which this is the interval: with a digit more where all of it is small."""
    return ".3f" if max(map(abs, ends)) < 0.1 else ".2f"


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
