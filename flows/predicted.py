"""What a run's models predicted, found without torch."""

import numpy as np
from numpy.typing import NDArray

from flows.runs import Run
from loop import promotion
from loop.events import Predicted, Trained
from loop.holdout import frozen_section
from loop.predictions import PredictionStore
from loop.run import RunFolder


def promoted_model(run: Run | RunFolder) -> Trained | None:
    """Find the training that made the promoted model, None before the first."""
    return promotion.promoted_model(run.ledger)


def prediction_store(run: Run, iteration: int) -> PredictionStore:
    """Open the predictions of an iteration."""
    predicted = run.ledger.finished(Predicted, iteration)
    return PredictionStore(run.folder.root / predicted.store)


def truth_of_holdout(run: Run, z: int) -> NDArray[np.uint32]:
    """Read the frozen truth of hold-out section `z`."""
    return frozen_section(run.labels, z, run.ledger.created().holdout_labels)
