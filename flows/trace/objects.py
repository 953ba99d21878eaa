"""The first stage of `proofloop trace`: the objects of each section, and the walls between them."""

import numpy as np
from numpy.typing import NDArray

from flows.trace.job import TraceJob
from flows.trace.store import TraceStore, parts_of
from flows.trace.work import TraceWork
from loop.predictions import quantised
from loop.volume import Volume
from tracing.merging import SectionWalls, walls_between
from tracing.postprocess import postprocess
from tracing.seeding import objects_of_membrane
from tracing.seeding_manual import parted_by_seeds

_COLUMNS = ("first", "second", "pixels", "total")


def find_objects(work: TraceWork, block: range) -> None:
    """Clean the membrane of a block's sections, find their objects, and look at the walls between them."""
    job, store = work.opened()
    names = {name: number for number, name in enumerate(sorted({anchor.track for anchor in job.anchors}))}
    walls: list[SectionWalls] = []
    for z in block:
        clean = quantised(postprocess(_probability(job.membrane, z), job.settings.tracing.postprocess))
        membrane = clean.astype(np.float32) / np.float32(255)  # as it is read again for the expansion
        objects = _objects(job, membrane, z, names)
        store.write(z, clean, objects)
        walls.append(walls_between(job.masked(objects, z), membrane))
    _save(store, block, walls)


def all_walls(store: TraceStore, block: range) -> list[SectionWalls]:
    """Read the walls between the objects of each section of a block."""
    stored = store.load(block, "walls")
    return [SectionWalls(*some) for some in parts_of(stored, _COLUMNS, "count")]


def _save(store: TraceStore, block: range, walls: list[SectionWalls]) -> None:
    arrays = {name: np.concatenate([getattr(some, name) for some in walls]) for name in _COLUMNS}
    store.save(block, "walls", {"count": np.array([len(some.pixels) for some in walls]), **arrays})


def _objects(job: TraceJob, membrane: NDArray[np.float32], z: int, names: dict[str, int]) -> NDArray[np.uint32]:
    config = job.settings.tracing.seeding
    mine = [anchor for anchor in job.anchors if anchor.z == z]
    if _shows_nothing(membrane, config.threshold) and not mine:
        return np.zeros(membrane.shape, np.uint32)
    seeds_px = np.array([(anchor.y, anchor.x) for anchor in mine], np.int64).reshape(-1, 2)
    known = np.array([names[anchor.track] for anchor in mine], np.int64)
    return parted_by_seeds(objects_of_membrane(membrane, config), membrane, seeds_px, known).astype(np.uint32)


def _probability(membrane: Volume, z: int) -> NDArray[np.float32]:
    section = membrane.section(z)
    scale = 255 if section.dtype == np.uint8 else 1
    return np.asarray(section, np.float32) / np.float32(scale)


def _shows_nothing(membrane: NDArray[np.float32], threshold: float) -> bool:
    """Say whether a section has no membrane at all, or nothing else, as lost sections do.

    One object as large as the section would be linked with every axon; axons go on beyond a section without objects.
    """
    return bool(membrane.max() < threshold or membrane.min() >= threshold)
