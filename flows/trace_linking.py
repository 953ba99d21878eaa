"""The second stage of `proofloop trace`: objects of different sections linked into tracks."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flows.trace_job import TraceJob
from loop.errors import InputError
from loop.predictions import PredictionStore
from loop.progress import Progress
from tracing.merging import Walls
from tracing.registration_cache import Registrar
from tracing.tracking import track
from tracing.tracking_links import LinkKind
from tracing.tracking_objects import SectionObjects, section_objects
from tracing.tracking_tracks import TrackTable


@dataclass(frozen=True)
class Linked:
    """All links of a volume and what came of them.

    Attributes
    ----------
    table : TrackTable
        Links by the numbers of objects.
    tracks : list of (objects + 1,) uint64
        For each section of the volume, the track of its objects.
    ids : list of ndarray
        For each section, the id of its objects.
    damaged : list of int
        Sections that look damaged.
    """

    table: TrackTable
    tracks: list[NDArray[np.uint64]]
    ids: list[NDArray[Any]]
    damaged: list[int]

    @property
    def n_tracks(self) -> int:
        """The largest track."""
        return max((int(some.max()) for some in self.tracks), default=0)

    def tracks_of(self, z: int, objects: NDArray[Any]) -> NDArray[np.uint64]:
        """Give the tracks `(y, x)` of the objects `(y, x)` of section `z`."""
        return self.tracks[z][np.searchsorted(np.concatenate([[0], self.ids[z]]), objects)]

    def kinds(self) -> dict[LinkKind, int]:
        """Count the links by kind."""
        found: Counter[LinkKind] = Counter()
        for links in self.table.links:
            found[links.kind] += len(links)
        return dict(found)


def link_objects(job: TraceJob, store: PredictionStore, progress: Progress) -> Linked:
    """Link the objects of all sections; sections that are not traced count as such without objects."""
    pixel_nm = float(np.sqrt(job.size[1] * job.size[2]))
    tracking = job.settings.tracing.tracking
    registrar = Registrar(pixel_nm, tracking.registration, job.settings.cache)

    def sections() -> Iterator[tuple[SectionObjects, NDArray[Any]]]:
        for z in job.sections:
            grey = job.image.section(z)
            yield section_objects(z, job.masked(store.labels(z), z), grey, pixel_nm=pixel_nm), grey

    table, damaged = TrackTable(), list[int]()
    ids: list[NDArray[Any]] = [np.empty(0, np.uint32)] * job.sections[0]
    table.counts += [0] * job.sections[0]
    for done, step in enumerate(track(sections(), registrar, tracking, job.anchors), start=1):
        table.add_section(len(step.section), step.anchored)
        table.links += step.links
        ids.append(step.section.ids)
        damaged += step.damaged
        progress(done, len(job.sections), f"{len(step.section)} objects linked")
    if not any(map(len, ids)):
        raise InputError(
            "there is nothing to trace",
            given=f"no object within the mask {job.mask.spec}" if job.mask else "no object in any section",
            expected="an object in at least one section",
            fix="name another mask" if job.mask else "predict the membrane again",
        )
    return Linked(table, table.tracks()[0], ids, damaged)


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
