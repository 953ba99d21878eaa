"""What people are asked: the pool ranked, the chosen sections published; the oracle's answers."""

import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import expand_labels

from annotation.oracle import annotate
from annotation.publish import SectionTask, publish
from flows.blind_tasks import gold, mixed, repeats
from flows.ingesting import open_sections
from flows.labelling_server import server_of
from flows.learning import prediction_store, promoted_model
from flows.runs import Run
from loop.events import Published, Ranked
from loop.iteration import Stage, require
from loop.progress import Progress, silent
from loop.ranking import most_uncertain
from loop.uncertainty import section_uncertainty
from tracing.seeding import objects_of_membrane


def rank_pool(run: Run, progress: Progress = silent) -> None:
    """Choose the sections of which the promoted model is most uncertain."""
    iteration = require(run.ledger, Stage.RANK)
    promoted = promoted_model(run)
    assert promoted is not None
    store = prediction_store(run, promoted.iteration)
    pool = run.unlabelled_pool()
    uncertainty = {}
    for done, z in enumerate(pool, start=1):
        uncertainty[z] = section_uncertainty(store.membrane(z), store.variance(z))
        progress(done, len(pool))
    chosen = most_uncertain(
        {z: found.score for z, found in uncertainty.items()},
        run.config.ranking.sections_per_iteration,
        min_distance_sections=run.config.ranking.min_distance_sections,
    )
    run.ledger.append(
        Ranked(iteration=iteration, chosen=chosen, uncertainty=uncertainty, predicted_in=promoted.iteration)
    )


def publish_tasks(run: Run, progress: Progress = silent) -> None:
    """Make a task of every chosen section, its contours drawn by the promoted model."""
    iteration = require(run.ledger, Stage.PUBLISH)
    ranked = run.ledger.finished(Ranked, iteration)
    asked: dict[int, int] = {}
    again: list[SectionTask] = []
    known: list[SectionTask] = []
    if ranked.chosen:
        server = server_of(run)
        fresh = [_section_task(run, ranked, z) for z in ranked.chosen]
        again, known = repeats(run, server, fresh), gold(run, fresh)
        served = mixed(fresh, [*again, *known])
        numbers = publish(server, served, readonly_above=run.config.annotation.readonly_above, progress=progress)
        asked = dict(zip((task.z for task in served), numbers, strict=True))
    run.ledger.append(
        Published(
            iteration=iteration,
            tasks={z: asked[z] for z in ranked.chosen},
            repeats={task.z: asked[task.z] for task in again},
            gold={task.z: asked[task.z] for task in known},
        )
    )


def answer_by_oracle(run: Run, progress: Progress = silent) -> None:
    """Let the oracle correct and submit the open tasks through the server."""
    iteration = require(run.ledger, Stage.INGEST)
    if open_sections(run, iteration):
        server = server_of(run)
        annotate(server, iteration, run.labels.section, progress=progress)


def _section_task(run: Run, ranked: Ranked, z: int) -> SectionTask:
    membrane = prediction_store(run, ranked.predicted_in).membrane(z)
    return SectionTask(
        z=z,
        iteration=ranked.iteration,
        image=run.image.section(z),
        before=run.image.section(z - 1) if z > 0 else None,
        after=run.image.section(z + 1) if z + 1 < run.image.shape[0] else None,
        labels=pre_annotation(run, membrane),
        reason=ranked.uncertainty[z].reason,
        score=ranked.uncertainty[z].score,
        membrane=membrane,
    )


def pre_annotation(run: Run, membrane: NDArray[np.float32]) -> NDArray[np.uint32]:
    """Objects without their membrane, as people label them; specks left out.

    The network's target lets membrane reach `border_px` into every object, so its objects are grown back by as much:
    people then find the outlines where they would draw them.
    """
    objects = np.where(membrane < run.config.seeding.threshold, objects_of_membrane(membrane, run.config.seeding), 0)
    specks = np.bincount(objects.ravel()) < run.config.annotation.min_object_px
    grown = expand_labels(np.where(specks[objects], 0, objects), run.config.training.border_px)
    return np.asarray(grown, dtype=np.uint32)
