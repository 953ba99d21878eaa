"""The second stage of `proofloop trace`: how each section lies on the one before, pair by pair."""

from typing import Any, get_args

import numpy as np

from flows.trace.job import TraceJob
from flows.trace.store import TraceStore
from flows.trace.work import TraceWork
from loop.atomic import replacing
from tracing.registration_cache import Registrar
from tracing.tracking_alignment import Alignment, Source, align
from tracing.tracking_objects import SectionObjects, section_objects

_SOURCES: tuple[Source, ...] = get_args(Source)
_FLOWS = "flows.npy"


def registrar_of(job: TraceJob) -> Registrar:
    """Give what registers the sections of a trace."""
    return Registrar(job.pixel_nm, job.settings.tracing.tracking.registration, job.settings.cache)


def seen_section(job: TraceJob, store: TraceStore, z: int) -> SectionObjects:
    """Read the objects of a section and its image."""
    return section_objects(z, job.masked(store.objects(z), z), job.image.section(z), pixel_nm=job.pixel_nm)


def align_sections(work: TraceWork, block: range) -> None:
    """Lay each section of a block on the one before; that of the first may lie in the block before."""
    job, store = work.opened()
    registrar = registrar_of(job)
    later = range(max(block.start, job.sections[0] + 1), block.stop)
    known = np.zeros((len(block), 3))
    with replacing(store.path(block, _FLOWS)) as temporary:
        flows: Any = np.lib.format.open_memmap(  # type: ignore[no-untyped-call]
            temporary, mode="w+", dtype=np.float32, shape=(len(block), 2, *job.image.shape[1:])
        )
        before = seen_section(job, store, later.start - 1) if len(later) else None
        for z in later:
            assert before is not None
            section = seen_section(job, store, z)
            found = align(before, section, registrar)
            flows[z - block.start] = found.flow
            known[z - block.start] = found.similarity, found.agreement, _SOURCES.index(found.source)
            before = section
        flows.flush()
    store.save(block, "alignments", {"known": known})


def aligned(store: TraceStore, block: range) -> bool:
    """Whether a block's sections have been laid on those before them."""
    return store.path(block, "alignments.npz").exists()


def alignments(store: TraceStore, block: range, wanted: range) -> list[Alignment]:
    """Read how sections of a block lie on those before them; flows are read as they are needed."""
    if not len(wanted):
        return []
    known = store.load(block, "alignments")["known"]
    flows = np.load(store.path(block, _FLOWS), mmap_mode="r")
    return [
        Alignment(flows[at], float(known[at, 0]), float(known[at, 1]), _SOURCES[int(known[at, 2])])
        for at in (z - block.start for z in wanted)
    ]


def drop_flows(store: TraceStore, block: range) -> None:
    """Remove the displacements of a block, by far the largest of what is kept, once they are not needed."""
    store.path(block, _FLOWS).unlink(missing_ok=True)
