"""Where the objects of a predicted section do not fit its axons and its neighbours: traced once, then asked for."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flows.config import TracingConfig
from flows.trace.job import TraceInputs, TraceSettings
from flows.trace.stages import trace
from loop.cache import cache_folder
from loop.errors import NothingToTrace
from loop.predictions import PredictionStore
from loop.progress import Progress, part_of, silent
from loop.section_range import runs_of
from loop.uncertainty import entropy_map
from loop.volume import Volume, VoxelSize, open_image, open_labels
from tracing.change import LOWER_THRESHOLD, change_probability
from tracing.consistency import Neighbour, fault_maps, fault_score, inverted, same_objects
from tracing.evidence import evidence_maps
from tracing.registration_cache import Registrar
from tracing.seeding import SeedingConfig, objects_of_membrane


@dataclass(frozen=True)
class Consistency:
    """The predicted sections of a volume, to be traced and compared with their axons.

    Attributes
    ----------
    image : str
        `path[:dataset]` of the EM image.
    store : PredictionStore
        What was predicted.
    sections : sequence of int
        Those that are, ascending.
    size : (float, float, float) or None
        Of a voxel in nm; None takes the image's.
    folder : Path
        Where the axons of each stretch are kept.
    seeding : SeedingConfig
        How the objects are found that annotators are shown.
    tracing : TracingConfig
        How axons are.
    cache : Path or None
        Where registrations are kept; None takes the cache folder.
    """

    image: str
    store: PredictionStore
    sections: Sequence[int]
    size: VoxelSize | None
    folder: Path
    seeding: SeedingConfig
    tracing: TracingConfig
    cache: Path | None = None

    def trace(self, progress: Progress = silent) -> None:
        """Trace the axons of every stretch of sections that has none yet, each some two times as long as a rank."""
        stretches = runs_of(self.sections)
        self.folder.mkdir(parents=True, exist_ok=True)
        for number, (start, stop) in enumerate(stretches):
            if self._axons_path(start, stop).exists():
                continue
            inputs = TraceInputs(
                image=self.image,
                membrane=f"{self.store.path}:membrane",
                sections=f"{start}:{stop}",
                voxel_size_nm_zyx=self.size,
            )
            settings = TraceSettings(self.tracing, self._registrations)
            told = part_of(progress, number, len(stretches))
            with suppress(NothingToTrace):  # then there are no axons that objects would have to fit
                trace(inputs, self._axons_path(start, stop), settings, progress=told)

    @property
    def scores(self) -> dict[str, Callable[[int], NDArray[np.float64]]]:
        """Give what is scored of every pixel (y, x) of a section, by name; `trace` comes first."""
        return {"tracking": self.faults, "change": self.change}

    def faults(self, z: int) -> NDArray[np.float64]:
        """Score section `z` by `tracing.consistency.fault_score`."""
        return fault_score(self.fault_maps(z))

    def change(self, z: int) -> NDArray[np.float64]:
        """Give the probability that an annotator changes something near by `tracing.change.change_probability`."""
        membrane, objects, axons = self.store.membrane(z), self._objects(z), self._axons(z)
        lower = self.seeding.model_copy(update={"threshold": LOWER_THRESHOLD})
        evidence = evidence_maps(
            objects,
            membrane,
            axons,
            neighbours=self._neighbours(z),
            axons_nearby=[self._axons(z + away) for away in (-2, -1, 1, 2) if z + away in self._stretch(z)],
        )
        further: dict[str, NDArray[np.floating]] = {
            "unstable": (~same_objects(objects, objects_of_membrane(membrane, lower))).astype(np.float32),
            "entropy": entropy_map(membrane),
            "membrane": membrane,
        }
        return change_probability(fault_maps(objects, axons, membrane, []) | evidence | further)

    def fault_maps(self, z: int) -> dict[str, NDArray[np.floating]]:
        """Find the faults of section `z` by kind, as `tracing.consistency.fault_maps` does."""
        return fault_maps(self._objects(z), self._axons(z), self.store.membrane(z), self._neighbours(z))

    def _stretch(self, z: int) -> range:
        return next(range(start, stop) for start, stop in runs_of(self.sections) if start <= z < stop)

    def _axons(self, z: int) -> NDArray[Any]:
        stretch = self._stretch(z)
        path = self._axons_path(stretch.start, stretch.stop)
        if not path.exists():
            return np.zeros(self._image.shape[1:], np.uint32)
        return open_labels(f"{path}:labels").section(z)

    def _neighbours(self, z: int) -> list[Neighbour]:
        return [self._neighbour(z, other) for other in (z - 1, z + 1) if other in self._stretch(z)]

    def _neighbour(self, z: int, other: int) -> Neighbour:
        first, second = sorted((z, other))
        image = self._image
        flow = self._registrar.register(image.section(first), image.section(second)).dense()
        return Neighbour(self.store.membrane(other), self._objects(other), flow if z == first else inverted(flow))

    def _objects(self, z: int) -> NDArray[np.int32]:
        return objects_of_membrane(self.store.membrane(z), self.seeding)

    def _axons_path(self, start: int, stop: int) -> Path:
        return self.folder / f"axons-{start}-{stop}.zarr"

    @property
    def _registrations(self) -> Path:
        return self.cache or cache_folder() / "registration"

    @cached_property
    def _image(self) -> Volume:
        return open_image(self.image)

    @cached_property
    def _registrar(self) -> Registrar:
        size = self.size or self._image.voxel_size_nm_zyx
        assert size is not None  # or there would be no axons
        return Registrar(float(np.sqrt(size[1] * size[2])), self.tracing.tracking.registration, self._registrations)
