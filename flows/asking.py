"""What a run may ask for: its pool with the promoted model's prediction and those of earlier models."""

from collections import defaultdict

from flows.candidates import Pool
from flows.learning import prediction_store, promoted_model
from flows.runs import Run
from loop.events import Predicted
from loop.places import Tile

_MEMBERS = 3
"""Models in a committee: the promoted one and the last before it."""


def pool_of(run: Run) -> Pool:
    """Give the pool of a run that has promoted a model; committees are of the last three models that predicted it."""
    promoted = promoted_model(run)
    assert promoted is not None
    store = prediction_store(run, promoted.iteration)
    numbers = [event.iteration for event in run.ledger.of_kind(Predicted) if event.iteration != promoted.iteration]
    tiles = defaultdict[int, list[Tile]](list)
    for place in run.resting():
        if place.tile is not None:
            tiles[place.z].append(place.tile)
    return Pool(
        sections=run.unlabelled_pool(),
        image=run.image.section,
        membrane=store.membrane,
        variance=store.variance,
        earlier=[prediction_store(run, number).membrane for number in numbers[1 - _MEMBERS :]],
        labelled=tuple(run.ledger.labelled()),
        tiles=tiles,
    )
