"""Predictions of a bake-off's models, each made once for as long as some contender goes on from the model."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from flows.bakeoff.world import World
from models.prediction import PredictionConfig, predict
from models.stacks import Prediction


@dataclass(frozen=True)
class Predictions:
    """What models say of the world's sections, by the SHA-256 of the model."""

    world: World
    config: PredictionConfig
    _of_model: dict[str, dict[int, tuple[NDArray[np.float32], NDArray[np.float32]]]] = field(default_factory=dict)

    def of(self, checkpoint: Path, sha256: str, sections: Sequence[int]) -> Prediction:
        """Give the prediction of some sections, ascending, by a model; what is there already is not made again."""
        known = self._of_model.setdefault(sha256, {})
        missing = [z for z in sections if z not in known]
        if missing:
            n_sections = len(self.world.image)
            read = self.world.sections
            made = predict(checkpoint, read, n_sections=n_sections, sections=missing, config=self.config)
            known |= {z: (made.mean[i], made.variance[i]) for i, z in enumerate(missing)}
        return Prediction(*(np.stack([known[z][part] for z in sections]) for part in (0, 1)))

    def forget(self, sha256: str) -> None:
        """Free the memory of a model's predictions."""
        self._of_model.pop(sha256, None)
