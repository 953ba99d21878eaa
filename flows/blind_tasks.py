"""Tasks that measure annotators without saying so: sections answered before, and sections whose truth is known."""

from dataclasses import replace

import numpy as np

from annotation import published
from annotation.publish import SectionTask
from annotation.server import Server
from flows.runs import Run
from loop.events import Correction, Published, Ranked
from loop.gold import with_planted_errors
from loop.labels import read_section
from loop.places import Place


def repeats(run: Run, server: Server, like: list[SectionTask]) -> list[SectionTask]:
    """Ask again for sections that were answered once in an earlier iteration, with the outlines of their first task.

    Label Studio's open edition gives tasks to whoever asks next, so the other annotator cannot be chosen; an iteration
    later the same person has at least forgotten the section.

    Parameters
    ----------
    run : Run
    server : Server
    like : list of SectionTask
        The iteration's own tasks, whose look and reasons are borrowed.
    """
    answers: dict[int, list[Correction]] = {}
    for event in run.ledger.in_force():
        if event.correction is not None and event.tile is None:
            answers.setdefault(event.section, []).append(event.correction)
    asked = {z for event in run.ledger.of_kind(Published) for z in event.repeats}
    fresh = {task.z for task in like}
    once = sorted(z for z, found in answers.items() if len(found) == 1 and z not in asked | fresh)
    tasks = []
    for model, z in zip(like, _drawn(once, run.config.annotation.repeat_share, like), strict=False):
        iteration = answers[z][0].iteration
        before = published.load(server, z, iteration)
        ranked = run.ledger.stage(Ranked, iteration)
        doubt = ranked.doubts.get(Place(z)) if ranked else None
        first = replace(_pictures(run, model, z), labels=before.labels, membrane=before.membrane)
        tasks.append(replace(first, spots=doubt.spots if doubt else ()))
    return tasks


def gold(run: Run, like: list[SectionTask]) -> list[SectionTask]:
    """Ask for dense sections given at the start, with a few errors planted in their outlines; see `repeats`."""
    truths = {event.section: event for event in run.ledger.in_force() if event.correction is None}
    tasks = []
    for model, z in zip(like[::-1], _drawn(sorted(truths), run.config.annotation.gold_share, like), strict=False):
        truth = read_section(run.folder.labels / truths[z].file, truths[z].sha256).labels
        tasks.append(
            replace(
                _pictures(run, model, z),
                labels=with_planted_errors(truth, seed=z),
                membrane=(truth == 0).astype(np.float32),
            )
        )
    return tasks


def mixed(tasks: list[SectionTask], blind: list[SectionTask]) -> list[SectionTask]:
    """Put blind tasks at places among the others that nobody can guess; the others keep their order."""
    order = list(tasks)
    rng = np.random.default_rng(tasks[0].iteration if tasks else 0)
    for task in blind:
        order.insert(int(rng.integers(0, len(order) + 1)), task)
    return order


def _drawn(sections: list[int], share: float, like: list[SectionTask]) -> list[int]:
    """Draw a share of as many sections as there are tasks, one at least where the share is not 0."""
    if not share or not like:
        return []
    wanted = max(round(share * len(like)), 1)
    rng = np.random.default_rng(like[0].iteration)
    return [int(z) for z in rng.permutation(sections)[:wanted]]


def _pictures(run: Run, model: SectionTask, z: int) -> SectionTask:
    return replace(
        model,
        z=z,
        image=run.image.section(z),
        before=run.image.section(z - 1) if z > 0 else None,
        after=run.image.section(z + 1) if z + 1 < run.image.shape[0] else None,
    )
