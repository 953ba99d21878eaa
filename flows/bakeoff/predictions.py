"""What a bake-off's models say of its sections, each made once for as long as some contender goes on from the model."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import zarr
from numpy.typing import NDArray

from flows.bakeoff.plan import Plan
from flows.bakeoff.world import World
from flows.consistency import Consistency
from loop.predictions import PredictionStore
from models.prediction import predict
from models.stacks import Prediction


@dataclass(frozen=True)
class Predictions:
    """What models say of the world's sections, by the SHA-256 of the model."""

    world: World
    plan: Plan
    _of_model: dict[str, dict[int, tuple[NDArray[np.float32], NDArray[np.float32]]]] = field(default_factory=dict)
    _traced: dict[str, dict[str, NDArray[np.float32]]] = field(default_factory=dict)

    def of(self, checkpoint: Path, sha256: str, sections: Sequence[int]) -> Prediction:
        """Give the prediction of some sections, ascending, by a model; what is there already is not made again."""
        known = self._of_model.setdefault(sha256, {})
        missing = [z for z in sections if z not in known]
        if missing:
            n_sections = len(self.world.image)
            read = self.world.sections
            made = predict(checkpoint, read, n_sections=n_sections, sections=missing, config=self.plan.prediction)
            known |= {z: (made.mean[i], made.variance[i]) for i, z in enumerate(missing)}
        return Prediction(*(np.stack([known[z][part] for z in sections]) for part in (0, 1)))

    def traced(self, checkpoint: Path, sha256: str, score: str) -> NDArray[np.float32]:
        """Give a score of `loop.ranking.TRACED` in all sections, zyx, as a run has it.

        Images and predictions of the hold-out are traced along, as in a run; its truth is not read.
        """
        if score not in self._traced.setdefault(sha256, {}):
            found = self.of(checkpoint, sha256, range(len(self.world.image)))
            with tempfile.TemporaryDirectory() as folder:
                tracked = self._tracked(found, Path(folder))
                tracked.trace()
                scored = [tracked.scores[score](z).astype(np.float32) for z in tracked.sections]
            self._traced[sha256][score] = np.stack(scored)
        return self._traced[sha256][score]

    def forget(self, sha256: str) -> None:
        """Free the memory of what a model says."""
        self._of_model.pop(sha256, None)
        self._traced.pop(sha256, None)

    def _tracked(self, found: Prediction, folder: Path) -> Consistency:
        """Write image and prediction as files, which is what a trace reads."""
        (n_sections, height, width), size = self.world.image.shape, self.world.size
        image = folder / "raw.zarr"
        zarr.create_array(image, data=self.world.image, chunks=(1, height, width))
        store = PredictionStore.create(
            folder / "prediction.zarr", shape=(n_sections, height, width), voxel_size_nm_zyx=size
        )
        store.write(0, found.mean, found.variance)
        return Consistency(
            image=str(image),
            store=store,
            sections=range(n_sections),
            size=size,
            folder=folder / "axons",
            seeding=self.plan.seeding,
            tracing=self.plan.tracing,
        )
