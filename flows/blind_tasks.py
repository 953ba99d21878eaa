"""Tasks that measure annotators without saying so: what was answered before, and what is known to be true."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from annotation import published
from annotation.frame import Frame
from annotation.publish import SectionTask
from annotation.server import Server
from annotation.tile import picture_of
from flows.predicted import prediction_store
from flows.runs import Run
from loop.answer_events import Correction
from loop.doubt_finding import doubt_of
from loop.events import Predicted, Published, Ranked
from loop.gold import with_planted_errors
from loop.labels import read_section
from loop.places import Place, Tile

_LENT_AT_MOST = 4  # places that are drawn to find a doubtful one


def repeats(run: Run, server: Server, like: list[SectionTask]) -> list[SectionTask]:
    """Ask again for what was answered once in an earlier iteration, with the outlines of its first task.

    Label Studio's open edition gives tasks to whoever asks next, so the other annotator cannot be chosen; an iteration
    later the same person has at least forgotten the section.

    Parameters
    ----------
    run : Run
    server : Server
    like : list of SectionTask
        The iteration's own tasks: tiles are repeated among tiles.
    """
    answers: dict[Place, list[Correction]] = {}
    for event in run.ledger.in_force():
        if event.correction is not None:
            answers.setdefault(event.place, []).append(event.correction)
    asked = {place for event in run.ledger.of_kind(Published) for place in event.repeats}
    fresh = [task.place for task in like]
    once = [
        place
        for place, found in answers.items()
        if len(found) == 1
        and place not in asked
        and any((place.tile is None) == (other.tile is None) for other in fresh)
        and not any(place.shows_the_same(other, min_distance_sections=1) for other in fresh)
    ]
    tasks = []
    for model, place in zip(like, _drawn(once, run.config.annotation.repeat_share, like), strict=False):
        iteration = answers[place][0].iteration
        before = published.load(server.directory, place.z, iteration, tile=place.tile)
        ranked = run.ledger.stage(Ranked, iteration)
        first = replace(_pictures(run, model, place.z, before.frame), labels=before.labels, membrane=before.membrane)
        if ranked and place in ranked.chosen:
            doubt = ranked.doubts.get(place)
            first = replace(first, reason=ranked.reason(place), spots=doubt.spots if doubt else ())
        tasks.append(first)
    return tasks


def gold(run: Run, like: list[SectionTask]) -> list[SectionTask]:
    """Ask for dense sections given at the start, or tiles of them, with a few errors planted.

    Where only a part of the given labels counts, nobody could say what is true of the rest: such places are left out.
    """
    given = {event.section: event for event in run.ledger.in_force() if event.correction is None}
    wanted, rng = _wanted(run.config.annotation.gold_share, like), _rng(like)
    tasks: list[SectionTask] = []
    for z in rng.permutation(sorted(given)).tolist():
        if len(tasks) == wanted:
            break
        model = like[-1 - len(tasks)]
        frame = None if model.frame is None else _elsewhere(model.frame, run.config.ranking.margin_px, rng)
        known = read_section(run.folder.labels / given[z].file, given[z].sha256)
        window = frame.tile.window if frame else np.s_[:, :]
        if known.counted[window].all() and known.labels[window].any():
            tasks.append(_gold_task(run, model, z, known.labels, frame))
    return tasks


def as_if_chosen(run: Run, ranked: Ranked, task: SectionTask) -> SectionTask:
    """Give a gold task the reason and the circles of a doubtful place that nobody is asked for.

    Those of another task would stand in both, word for word, and tell which is the false one.
    """
    tile = task.place.tile
    windows = dict.fromkeys(place.tile for place in ranked.chosen if _extent(place.tile) == _extent(tile))
    asked = {place.z for place in ranked.chosen}
    predicted = run.ledger.finished(Predicted, ranked.predicted_in).sections
    lent = [Place(z, window) for z in predicted if z not in asked for window in windows]
    drawn = np.random.default_rng((task.iteration, task.z)).permutation(len(lent))[:_LENT_AT_MOST]
    if not len(drawn):
        return task
    store = prediction_store(run, ranked.predicted_in)
    away = min((abs(task.z - other) for other in run.ledger.labelled() if other != task.z), default=0)
    doubts = [
        (doubt_of(store.membrane(z), store.variance(z), labelled_sections_away=away, tile=window), window)
        for z, window in ((lent[number].z, lent[number].tile) for number in drawn)
    ]
    doubt, window = max(doubts, key=lambda found: found[0].border_px)
    down, right = (tile.y_px - window.y_px, tile.x_px - window.x_px) if tile and window else (0, 0)
    spots = [spot.model_copy(update={"y_px": spot.y_px + down, "x_px": spot.x_px + right}) for spot in doubt.spots]
    told = ranked.model_copy(update={"doubts": {task.place: doubt}})
    return replace(task, reason=told.reason(task.place), spots=spots)


def mixed(tasks: list[SectionTask], blind: list[SectionTask]) -> list[SectionTask]:
    """Put blind tasks at places among the others that nobody can guess; the others keep their order."""
    order, rng = list(tasks), _rng(tasks)
    for task in blind:
        order.insert(int(rng.integers(0, len(order) + 1)), task)
    return order


def _gold_task(run: Run, model: SectionTask, z: int, truth: NDArray[np.uint32], frame: Frame | None) -> SectionTask:
    shown = truth if frame is None else frame.cut(truth)
    return replace(
        _pictures(run, model, z, frame),
        labels=with_planted_errors(shown if frame is None else frame.clipped(shown), seed=z),
        membrane=(shown == 0).astype(np.float32),
    )


def _extent(tile: Tile | None) -> tuple[int, int] | None:
    return (tile.height_px, tile.width_px) if tile else None


def _elsewhere(frame: Frame, margin_px: int, rng: np.random.Generator) -> Frame:
    """Give a tile of the same size anywhere in a section."""
    height, width = frame.tile.height_px, frame.tile.width_px
    rows, columns = frame.section_shape
    top, left = int(rng.integers(rows - height + 1)), int(rng.integers(columns - width + 1))
    return Frame.around(Tile(top, left, height, width), frame.section_shape, margin_px=margin_px)


def _drawn(places: list[Place], share: float, like: list[SectionTask]) -> list[Place]:
    ordered = sorted(places, key=lambda place: place.order)
    return [ordered[number] for number in _rng(like).permutation(len(ordered))[: _wanted(share, like)]]


def _wanted(share: float, like: list[SectionTask]) -> int:
    """Give a share of as many as there are tasks, one at least where the share is not 0."""
    return max(round(share * len(like)), 1) if share and like else 0


def _rng(like: list[SectionTask]) -> np.random.Generator:
    """Give the same numbers for the same iteration: publishing may be repeated after a crash."""
    return np.random.default_rng(like[0].iteration if like else 0)


def _pictures(run: Run, model: SectionTask, z: int, frame: Frame | None) -> SectionTask:
    def shown(number: int) -> NDArray[np.uint8] | None:
        if not 0 <= number < run.image.shape[0]:
            return None
        image = run.image.section(number)
        return image if frame is None else picture_of(image, frame)

    image = shown(z)
    assert image is not None
    return replace(model, z=z, image=image, before=shown(z - 1), after=shown(z + 1), frame=frame)
