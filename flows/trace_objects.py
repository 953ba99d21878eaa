"""The first stage of `proofloop trace`: objects of each section, kept so that an interrupted trace goes on."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from flows.segment import alone
from flows.trace_job import TraceJob
from loop.atomic import write_text
from loop.errors import InputError
from loop.prediction_origin import volume_sha256
from loop.predictions import PredictionStore, quantised
from loop.progress import Progress
from loop.volume import Volume
from tracing.postprocess import postprocess
from tracing.seeding import objects_of_membrane
from tracing.seeding_manual import parted_by_seeds


@contextmanager
def objects_store(out: Path, job: TraceJob) -> Iterator[PredictionStore]:
    """Make or find the folder of an unfinished trace, for this process alone.

    Raises
    ------
    InputError
        If what lies there was made from another membrane or with other settings.
    """
    folder = out.with_name(f"{out.name}.unfinished")
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder):
        _require_same(folder, _described(job))
        yield PredictionStore.create(
            folder / "objects.zarr",
            shape=job.image.shape,
            voxel_size_nm_zyx=job.size,
            arrays=("membrane", "labels"),
        )


def find_objects(store: PredictionStore, job: TraceJob, progress: Progress) -> None:
    """Clean the membrane of those sections that the store does not have yet, and find their objects."""
    missing = store.missing(job.sections)
    names = {name: number for number, name in enumerate(sorted({anchor.track for anchor in job.anchors}))}
    there = len(job.sections) - len(missing)
    progress(there, len(job.sections))
    for done, z in enumerate(missing, start=there + 1):
        clean = postprocess(_probability(job.membrane, z), job.settings.tracing.postprocess)
        clean = quantised(clean).astype(np.float32) / np.float32(255)  # as it is read again for the expansion
        mine = [anchor for anchor in job.anchors if anchor.z == z]
        seeds_px = np.array([(anchor.y, anchor.x) for anchor in mine], np.int64).reshape(-1, 2)
        known = np.array([names[anchor.track] for anchor in mine], np.int64)
        objects = parted_by_seeds(objects_of_membrane(clean, job.settings.tracing.seeding), clean, seeds_px, known)
        if _shows_nothing(clean, job.settings.tracing.seeding.threshold) and not mine:
            objects = np.zeros_like(objects)
        store.write(z, clean[np.newaxis], np.zeros(0), objects.astype(np.uint32)[np.newaxis])
        progress(done, len(job.sections), f"{objects.max()} objects found")


def _probability(membrane: Volume, z: int) -> NDArray[np.float32]:
    section = membrane.section(z)
    scale = 255 if section.dtype == np.uint8 else 1
    return np.asarray(section, np.float32) / np.float32(scale)


def _shows_nothing(membrane: NDArray[np.float32], threshold: float) -> bool:
    """Say whether a section has no membrane at all, or nothing else, as lost sections do.

    One object as large as the section would be linked with every axon; axons go on beyond a section without objects.
    """
    return bool(membrane.max() < threshold or membrane.min() >= threshold)


def _described(job: TraceJob) -> str:
    lines = (
        f"membrane {volume_sha256(job.membrane)}",
        f"sections {job.sections[0]}:{job.sections[-1] + 1}",
        f"postprocess {job.settings.tracing.postprocess.model_dump_json()}",
        f"seeding {job.settings.tracing.seeding.model_dump_json()}",
        *map(str, job.anchors),
    )
    return "\n".join(lines) + "\n"


def _require_same(folder: Path, described: str) -> None:
    path = folder / "made_from.txt"
    if path.exists() and path.read_text(encoding="utf-8") != described:
        raise InputError(
            "an unfinished trace from something else lies there",
            given=folder,
            expected="the same membrane, sections, settings and anchors, or a name that is free",
            fix=f"remove {folder}, or choose another name after -o",
        )
    write_text(path, described)
