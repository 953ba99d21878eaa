"""What a run may ask for: its pool with the promoted model's prediction and those of earlier models."""

from collections import defaultdict

from flows.candidates import COMMITTEE_MODELS, Pool
from flows.consistency import Consistency
from flows.predicted import prediction_store, promoted_model
from flows.runs import Run
from loop.events import Predicted
from loop.places import Tile
from loop.progress import Progress, silent
from loop.ranking import NEEDS, TRACED


def pool_of(run: Run, progress: Progress = silent) -> Pool:
    """Give the pool of a run that has promoted a model; committees are of the last three models that predicted it.

    Axons are traced first, and `progress` hears of that, where the strategy asks how objects go on along z.
    """
    promoted = promoted_model(run)
    assert promoted is not None
    store = prediction_store(run, promoted.iteration)
    numbers = [event.iteration for event in run.ledger.of_kind(Predicted) if event.iteration != promoted.iteration]
    tiles = defaultdict[int, list[Tile]](list)
    for place in run.resting():
        if place.tile is not None:
            tiles[place.z].append(place.tile)
    tracked = None
    if TRACED & {*NEEDS[run.config.ranking.strategy]}:
        tracked = consistency_of(run, promoted.iteration)
        tracked.trace(progress)
    return Pool(
        sections=run.unlabelled_pool(),
        image=run.image.section,
        membrane=store.membrane,
        variance=store.variance,
        earlier=[prediction_store(run, number).membrane for number in numbers[1 - COMMITTEE_MODELS :]],
        traced=tracked.scores if tracked else {},
        labelled=tuple(run.ledger.labelled()),
        tiles=tiles,
    )


def consistency_of(run: Run, iteration: int) -> Consistency:
    """Give what an iteration predicted, to be traced beside the prediction and compared with its axons."""
    return Consistency(
        image=run.config.data.volume,
        store=prediction_store(run, iteration),
        sections=run.ledger.finished(Predicted, iteration).sections,
        size=run.config.data.voxel_size_nm_zyx,
        folder=run.folder.iteration(iteration) / "axons",
        seeding=run.config.seeding,
        tracing=run.config.tracing,
    )
