"""Predicting sections of a volume into a store, going on after those that are there."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from flows.blocks import Crew, Task
from loop.predictions import PredictionStore, quantised
from loop.progress import Progress, silent
from loop.volume import Volume, open_image
from models.prediction import predict_blocks, settled, settled_precision
from models.prediction_config import PredictionConfig
from tracing.seeding import SeedingConfig, objects_of_membrane


@dataclass(frozen=True)
class Predictor:
    """A checkpoint and how it is used; with `objects`, each section is segmented too."""

    checkpoint: Path
    config: PredictionConfig
    objects: SeedingConfig | None = None


def predict_into(
    store: PredictionStore,
    predictor: Predictor,
    image: Volume,
    *,
    sections: Sequence[int],
    progress: Progress = silent,
) -> None:
    """Predict those of `sections` that the store does not have yet, block by block.

    The progress counts sections, and notes how many voxels a second this call predicts.
    """
    missing = store.missing(sections)
    there = len(sections) - len(missing)
    began, voxels_a_section = time.monotonic(), image.shape[1] * image.shape[2]

    def say(finished: float) -> None:
        rate = (finished - there) * voxels_a_section / (time.monotonic() - began)
        progress(int(finished), len(sections), f"{rate / 1e6:.2f} Mvoxel/s")

    progress(there, len(sections))
    if not missing:
        return
    predictor = _as_begun(store, predictor, image, missing)
    for block, prediction in predict_blocks(
        predictor.checkpoint,
        image.sections,
        n_sections=image.shape[0],
        sections=missing,
        config=predictor.config,
        progress=partial(_say_part, say, there, len(missing)),
    ):
        labels = None if predictor.objects is None else objects_of_sections(prediction.mean, predictor.objects)
        store.write(block.start, prediction.mean, prediction.variance, labels)
    progress(len(sections), len(sections))


def predict_shared_out(
    store: PredictionStore,
    predictor: Predictor,
    image: Volume,
    crew: Crew,
    *,
    sections: Sequence[int],
    progress: Progress = silent,
) -> None:
    """Predict as `predict_into` does, each block by whoever is free."""
    missing = store.missing(sections)
    there = len(sections) - len(missing)
    progress(there, len(sections))
    if not missing:
        return
    predictor = _as_begun(store, predictor, image, missing)
    config, blocks = settled(
        predictor.checkpoint, image.sections, n_sections=image.shape[0], sections=missing, config=predictor.config
    )
    fixed = replace(predictor, checkpoint=predictor.checkpoint.absolute(), config=config)
    spec = str(Path(image.spec).absolute())
    tasks = [
        Task(f"membrane of {block.start}:{block.stop}", predict_block, (store.path.absolute(), fixed, spec, block))
        for block in blocks
    ]

    def finished(task: Task) -> None:
        nonlocal there
        block: range = task.arguments[-1]
        store.note(block)
        there += len(block)
        progress(there, len(sections))

    crew(tasks, finished)


def predict_block(path: Path, predictor: Predictor, volume: str, block: range) -> None:
    """Predict a block of a volume into the store at `path`, without noting that it is there."""
    store, image = PredictionStore(path), open_image(volume)
    for part, prediction in predict_blocks(
        predictor.checkpoint, image.sections, n_sections=image.shape[0], sections=block, config=predictor.config
    ):
        labels = None if predictor.objects is None else objects_of_sections(prediction.mean, predictor.objects)
        store.put(part.start, prediction.mean, prediction.variance, labels)


def _as_begun(store: PredictionStore, predictor: Predictor, image: Volume, missing: Sequence[int]) -> Predictor:
    """Fix the precision: the one that the store was begun in, else what is chosen now, which the store then keeps."""
    precision = store.precision
    if precision is None:
        precision = settled_precision(
            predictor.checkpoint, image.sections, n_sections=image.shape[0], sections=missing, config=predictor.config
        )
        store.keep_precision(precision)
    config = PredictionConfig.model_validate(predictor.config.model_dump() | {"precision": precision})
    return replace(predictor, config=config)


def objects_of_sections(membrane: NDArray[np.float32], config: SeedingConfig) -> NDArray[np.uint32]:
    """Segment each section of a membrane probability `(z, y, x)` by itself, as it will be once it is stored."""
    stored = quantised(membrane).astype(np.float32) / np.float32(255)
    return np.stack([objects_of_membrane(section, config).astype(np.uint32) for section in stored])


def _say_part(say: Callable[[float], None], before: int, size: int, part: int, parts: int, _note: str = "") -> None:
    """Tell of a stretch of `size` sections, `before` of which others are done, of which `part` of `parts` is done."""
    say(before + size * part / parts)
