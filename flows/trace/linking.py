"""The third stage of `proofloop trace`: objects of different sections linked, one block after the other.

Links depend on those before them (on how objects moved, on which of them were followed), but only through a small
memory of the last sections. A block goes on with the memory that the one before it left, so that the links are the same
however a volume is cut and whoever does it, while blocks farther on are prepared. Whoever links goes straight on with
the next blocks that are prepared, since every pause in the chain is a pause of the whole.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice, takewhile
from typing import get_args

import numpy as np

from flows.linked import Found, found_in
from flows.trace.alignment import aligned, alignments, drop_flows, registrar_of, seen_section
from flows.trace.job import TraceJob
from flows.trace.store import Arrays, TraceStore, parts_of
from flows.trace.work import TraceWork
from tracing.tracking import Tracker
from tracing.tracking_alignment import Alignment
from tracing.tracking_anchors import AnchoredSection, anchored
from tracing.tracking_gaps import Past
from tracing.tracking_links import LinkKind, Links

_KINDS: tuple[LinkKind, ...] = get_args(LinkKind)
_COLUMNS = ("first", "second", "cost", "margin")
_PER_OBJECT = ("followed", "preceded", "motion")
_BLOCKS_AT_ONCE = 8
"""That one task links at most, so that progress shows."""


def link_sections(work: TraceWork, number: int) -> None:
    """Link the sections of block `number`, all blocks before it having been linked, and of those after it that wait."""
    job, store = work.opened()
    blocks = job.blocks()
    if store.path(blocks[number], "memory.npz").exists():  # a second time what it needs is perhaps gone
        return
    tracker = _resumed(job, store, blocks, number)
    waiting = takewhile(lambda at: aligned(store, blocks[at]), range(number + 1, len(blocks)))
    for at in islice(chain([number], waiting), _BLOCKS_AT_ONCE):
        _link(job, store, blocks[at], tracker)
        oldest = tracker.past[0].section.z
        for earlier in blocks[max(0, at - len(tracker.past) - 1) : at]:
            if earlier.stop <= oldest:
                drop_flows(store, earlier)


def _link(job: TraceJob, store: TraceStore, block: range, tracker: Tracker) -> None:
    """Link the sections of a block, and leave what was found and what the next block needs to know."""
    later = range(max(block.start, job.sections[0] + 1), block.stop)
    known: dict[int, Alignment] = dict(zip(later, alignments(store, block, later), strict=True))
    found = {z: found_in(tracker.add(seen_section(job, store, z), known.get(z))) for z in block}
    store.save(block, "links", _packed(found))
    store.save(block, "memory", _memory(tracker))


def found_links(store: TraceStore, block: range) -> Iterator[Found]:
    """Read what was found in each section of a block."""
    stored = store.load(block, "links")
    columns = parts_of(stored, _COLUMNS, "links")
    groups = [
        Links(z, to_z, _KINDS[kind], *some)
        for (z, to_z, kind), some in zip(stored["of"].tolist(), columns, strict=True)
    ]
    for z, (ids,) in zip(block, parts_of(stored, ["ids"], "objects"), strict=True):
        mine = stored["anchors"][stored["anchors"][:, 0] == z]
        damaged = stored["damaged"][stored["damaged"][:, 0] == z, 1]
        yield Found(
            ids,
            AnchoredSection(mine[:, 1], mine[:, 2]),
            [links for links in groups if links.to_z == z],
            damaged.tolist(),
        )


def _packed(found: Mapping[int, Found]) -> Arrays:
    links = [some for one in found.values() for some in one.links]
    named = [(z, some, name) for z, one in found.items() for some, name in zip(*_lists(one.anchored), strict=True)]
    empty = {name: np.empty(0, np.int64 if name in ("first", "second") else np.float64) for name in _COLUMNS}
    return {
        "objects": np.array([len(one.ids) for one in found.values()]),
        "ids": np.concatenate([one.ids for one in found.values()]),
        "anchors": np.array(named, np.int64).reshape(-1, 3),
        "damaged": np.array([(z, bad) for z, one in found.items() for bad in one.damaged], np.int64).reshape(-1, 2),
        "links": np.array([len(some) for some in links], np.int64),
        "of": np.array([(some.z, some.to_z, _KINDS.index(some.kind)) for some in links], np.int64).reshape(-1, 3),
        **{name: np.concatenate([empty[name], *(getattr(some, name) for some in links)]) for name in _COLUMNS},
    }


def _lists(anchored: AnchoredSection) -> tuple[list[int], list[int]]:
    return anchored.objects.tolist(), anchored.tracks.tolist()


def _memory(tracker: Tracker) -> Arrays:
    """Give what later links depend on and cannot be read again: of each section remembered, and of all pairs."""
    return {
        "z": np.array([past.section.z for past in tracker.past]),
        "objects": np.array([len(past.section) + 1 for past in tracker.past]),
        "usual": np.array([past.usual_similarity for past in tracker.past]),
        "similarities": np.array(tracker.similarities, np.float64),
        **{name: np.concatenate([getattr(past, name) for past in tracker.past]) for name in _PER_OBJECT},
    }


def _resumed(job: TraceJob, store: TraceStore, blocks: Sequence[range], number: int) -> Tracker:
    """Give a tracker that remembers what the one of the block before did."""
    config, registrar = job.settings.tracing.tracking, registrar_of(job)
    if number == 0:
        return Tracker(registrar, config, job.anchors)
    memory = store.load(blocks[number - 1], "memory")
    names = sorted({anchor.track for anchor in job.anchors})
    past = []
    parts = parts_of(memory, _PER_OBJECT, "objects")
    for z, usual, (followed, preceded, motion) in zip(memory["z"].tolist(), memory["usual"], parts, strict=True):
        section = seen_section(job, store, z)
        one = Past(section, anchored(section, job.anchors, names), _alignment(job, store, blocks, z), float(usual))
        one.followed, one.preceded, one.motion = followed, preceded, motion
        past.append(one)
    return Tracker(registrar, config, job.anchors, past=past, similarities=memory["similarities"].tolist())


def _alignment(job: TraceJob, store: TraceStore, blocks: Sequence[range], z: int) -> Alignment | None:
    if z == job.sections[0]:
        return None
    block = next(block for block in blocks if z in block)
    return alignments(store, block, range(z, z + 1))[0]
