"""What people are asked: the pool ranked, the chosen sections or tiles published; the oracle's answers."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from annotation.oracle import annotate
from annotation.preparing import Style
from annotation.publish import SectionTask, publish
from annotation.tile import cut_out
from flows.asking import pool_of
from flows.blind_tasks import as_if_chosen, gold, mixed, repeats
from flows.candidates import candidates_of
from flows.labelling_server import server_of
from flows.learnt_effort import learnt_effort
from flows.outlines import outlines
from flows.predicted import prediction_store, promoted_model
from flows.runs import Run
from loop.doubt_finding import doubt_of
from loop.doubts import Doubt
from loop.events import Published, Ranked
from loop.iteration import Stage, require
from loop.places import Place
from loop.predictions import PredictionStore
from loop.progress import Progress, silent
from loop.ranking import choose
from loop.ranking_table import write_ranking
from loop.uncertainty import Uncertainty, section_uncertainty


def rank_pool(run: Run, progress: Progress = silent) -> None:
    """Choose the sections, or the tiles, that are most worth an annotator's minutes by the promoted model."""
    iteration = require(run.ledger, Stage.RANK)
    promoted = promoted_model(run)
    assert promoted is not None
    store = prediction_store(run, promoted.iteration)
    ranking = run.config.ranking
    candidates = candidates_of(
        pool_of(run, progress), ranking, seeding=run.config.seeding, effort=learnt_effort(run), progress=progress
    )
    chosen = choose(
        ranking.strategy,
        candidates,
        ranking.tasks_per_iteration,
        rng=np.random.default_rng((run.config.training.seed, iteration)),
        min_distance_sections=ranking.min_distance_sections,
    )
    labelled = run.ledger.labelled()
    uncertainty, doubts = dict[Place, Uncertainty](), dict[Place, Doubt]()
    for place in chosen:
        membrane, variance = store.membrane(place.z), store.variance(place.z)
        away = min(abs(place.z - z) for z in labelled)
        doubts[place] = doubt_of(membrane, variance, labelled_sections_away=away, tile=place.tile)
        window = place.tile.window if place.tile else np.s_[:, :]
        uncertainty[place] = section_uncertainty(membrane[window], variance[window])
    write_ranking(run.folder.iteration(iteration) / "ranking.csv", candidates, chosen)
    cost = dict(zip(candidates.places, candidates.expected_minutes.tolist(), strict=True))
    objects = np.asarray(candidates.asked.objects).tolist() if candidates.asked else []
    shown = dict(zip(candidates.places, objects, strict=bool(objects)))
    run.ledger.append(
        Ranked(
            iteration=iteration,
            chosen=chosen,
            uncertainty=uncertainty,
            doubts=doubts,
            predicted_in=promoted.iteration,
            strategy=ranking.strategy,
            expected_minutes={place: cost[place] for place in chosen} if ranking.per_minute else {},
            objects={place: shown[place] for place in chosen if place in shown},
        )
    )


def publish_tasks(run: Run, progress: Progress = silent) -> None:
    """Make a task of every chosen section or tile, its contours drawn by the promoted model."""
    iteration = require(run.ledger, Stage.PUBLISH)
    ranked = run.ledger.finished(Ranked, iteration)
    asked: dict[Place, int] = {}
    again: list[SectionTask] = []
    known: list[SectionTask] = []
    if ranked.chosen:
        server = server_of(run)
        made = dict(_tasks(run, ranked))
        fresh = [made[place] for place in ranked.chosen]
        again = repeats(run, server, fresh)
        known = [as_if_chosen(run, ranked, task) for task in gold(run, fresh)]
        served = mixed(fresh, [*again, *known])
        numbers = publish(server, served, style=style_of(run), progress=progress)
        asked = dict(zip((task.place for task in served), numbers, strict=True))
    run.ledger.append(
        Published(
            iteration=iteration,
            tasks={place: asked[place] for place in ranked.chosen},
            repeats={task.place: asked[task.place] for task in again},
            gold={task.place: asked[task.place] for task in known},
        )
    )


def answer_by_oracle(run: Run, progress: Progress = silent) -> None:
    """Let the oracle correct and submit the open tasks through the server."""
    iteration = require(run.ledger, Stage.INGEST)
    if run.ledger.open_tasks(iteration):
        server = server_of(run)
        annotate(server, iteration, run.labels.section, progress=progress)


def _tasks(run: Run, ranked: Ranked) -> Iterator[tuple[Place, SectionTask]]:
    """Make the tasks, section by section: the whole of a large one is in memory only while its tiles are cut out."""
    store = prediction_store(run, ranked.predicted_in)
    for z in sorted({place.z for place in ranked.chosen}):
        section = _section_task(run, store, z, iteration=ranked.iteration)
        for place in [place for place in ranked.chosen if place.z == z]:
            task = section
            if place.tile is not None:
                task = cut_out(section, place.tile, margin_px=run.config.ranking.margin_px)
            spots = ranked.doubts[place].spots if place in ranked.doubts else ()
            score = ranked.uncertainty[place].score
            yield place, replace(task, reason=ranked.reason(place), score=score, spots=spots)


def _section_task(run: Run, store: PredictionStore, z: int, *, iteration: int) -> SectionTask:
    membrane = store.membrane(z)
    return SectionTask(
        z=z,
        iteration=iteration,
        image=run.image.section(z),
        before=run.image.section(z - 1) if z > 0 else None,
        after=run.image.section(z + 1) if z + 1 < run.image.shape[0] else None,
        labels=pre_annotation(run, membrane),
        reason="",
        score=0.0,
        membrane=membrane,
    )


def style_of(run: Run) -> Style:
    """Give how annotators of a run are shown objects."""
    chosen = run.config.annotation
    return Style(chosen.contours, chosen.readonly_above, chosen.outlines_at_most)


def pre_annotation(run: Run, membrane: NDArray[np.float32]) -> NDArray[np.uint32]:
    """Give the objects (y, x) that annotators of a run are shown."""
    smallest_px, grown_px = run.config.annotation.min_object_px, run.config.training.border_px
    return outlines(membrane, run.config.seeding, smallest_px=smallest_px, grown_px=grown_px)
