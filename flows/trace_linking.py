"""The second stage of `proofloop trace`: objects of different sections linked into tracks."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flows.linked import Linked, all_linked
from flows.trace_job import TraceJob
from loop.errors import InputError
from loop.predictions import PredictionStore
from loop.progress import Progress
from tracing.merging import Walls
from tracing.registration_cache import Registrar
from tracing.tracking import Step, track
from tracing.tracking_objects import SectionObjects, section_objects


def link_objects(job: TraceJob, store: PredictionStore, progress: Progress) -> Linked:
    """Link the objects of all sections; sections that are not traced count as such without objects."""
    pixel_nm = float(np.sqrt(job.size[1] * job.size[2]))
    tracking = job.settings.tracing.tracking
    registrar = Registrar(pixel_nm, tracking.registration, job.settings.cache)

    def sections() -> Iterator[tuple[SectionObjects, NDArray[Any]]]:
        for z in job.sections:
            grey = job.image.section(z)
            yield section_objects(z, job.masked(store.labels(z), z), grey, pixel_nm=pixel_nm), grey

    def watched() -> Iterator[Step]:
        for done, step in enumerate(track(sections(), registrar, tracking, job.anchors), start=1):
            progress(done, len(job.sections), f"{len(step.section)} objects linked")
            yield step

    linked = all_linked(watched(), first=job.sections[0])
    if not any(map(len, linked.ids)):
        raise InputError(
            "there is nothing to trace",
            given=f"no object within the mask {job.mask.spec}" if job.mask else "no object in any section",
            expected="an object in at least one section",
            fix="name another mask" if job.mask else "predict the membrane again",
        )
    return linked


def merge_tracks(job: TraceJob, store: PredictionStore, linked: Linked, progress: Progress) -> Linked:
    """Merge the tracks that are pieces of one axon."""
    walls = Walls()
    for done, z in enumerate(job.sections, start=1):
        walls.add(linked.tracks_of(z, job.masked(store.labels(z), z)), store.membrane(z))
        progress(done, len(job.sections), "looking at walls")
    names = {
        int(linked.tracks[z][one]): int(name)
        for z, anchored in linked.table.anchors
        for one, name in zip(anchored.objects, anchored.tracks, strict=True)
    }
    axons = walls.merged(linked.n_tracks, job.settings.tracing.merging, names)
    return replace(linked, tracks=[axons[some] for some in linked.tracks])
