"""The fourth stage of `proofloop trace`: one cheap pass over all tables, from links to tracks and axons."""

from dataclasses import replace

from flows.linked import Linked, all_linked
from flows.trace.job import TraceJob
from flows.trace.linking import found_links
from flows.trace.objects import all_walls
from flows.trace.store import TraceStore
from loop.errors import NothingToTrace
from tracing.merging import Walls


def axons_of_objects(job: TraceJob, store: TraceStore) -> Linked:
    """Join what is linked into tracks, and tracks without a wall between them into axons."""
    blocks = job.blocks()
    linked = all_linked((one for block in blocks for one in found_links(store, block)), first=job.sections[0])
    if not any(map(len, linked.ids)):
        raise NothingToTrace(
            "there is nothing to trace",
            given=f"no object within the mask {job.mask.spec}" if job.mask else "no object in any section",
            expected="an object in at least one section",
            fix="name another mask" if job.mask else "predict the membrane again",
        )
    walls = Walls()
    for block in blocks:
        for z, some in zip(block, all_walls(store, block), strict=True):
            walls.add(some, linked.tracks_of(z, some.first), linked.tracks_of(z, some.second))
    names = {
        int(linked.tracks[z][one]): int(name)
        for z, anchored in linked.table.anchors
        for one, name in zip(anchored.objects, anchored.tracks, strict=True)
    }
    axons = walls.merged(linked.n_tracks, job.settings.tracing.merging, names)
    return replace(linked, tracks=[axons[some] for some in linked.tracks])
