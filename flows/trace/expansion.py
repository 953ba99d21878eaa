"""The last stage of `proofloop trace`: axons expanded from their objects, block by block."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flows.linked import Linked
from flows.trace.job import TraceJob
from flows.trace.store import TraceStore, parts_of
from flows.trace.work import TraceWork
from tracing.axons import Profiles, profiles_of
from tracing.expansion import bridged
from tracing.loops import loops_of, shapes_between


def leave_tables(job: TraceJob, store: TraceStore, linked: Linked) -> None:
    """Leave each block the axons of the objects in and around it, all that its expansion needs to know of others."""
    sections = [np.unique(some) for some in linked.tracks]
    spans = np.bincount(np.concatenate(sections).astype(np.int64))
    weak = spans <= job.settings.tracing.expansion.weak_sections
    known = _loops(job, store, linked)
    for block in job.blocks():
        around = _around(job, block)
        arrays = {
            "objects": np.array([len(linked.ids[z]) for z in around]),
            "ids": np.concatenate([linked.ids[z] for z in around]),
            "axons": np.concatenate([linked.tracks[z][1:] for z in around]),
        }
        here = np.unique(np.concatenate([sections[z] for z in around]))
        loops = np.array([loop for loop in known if loop[0] + 1 < block.stop and block.start < loop[3]], np.int64)
        arrays["loops"] = loops.reshape(-1, 7)
        store.save(block, "axons", {**arrays, "strong": here[~weak[here.astype(np.int64)]]})


def expand_sections(work: TraceWork, block: range, n_axons: int) -> None:
    """Expand the axons of a block's sections into labels, and measure them."""
    job, store = work.opened()
    table = store.load(block, "axons")
    around = _around(job, block)
    known = dict(zip(around, parts_of(table, ("ids", "axons"), "objects"), strict=True))
    weak = np.ones(n_axons + 1, np.bool_)
    weak[table["strong"].astype(np.int64)] = False

    def tracked(z: int) -> NDArray[Any]:
        ids, axons = known[z]
        objects = job.masked(store.objects(z), z)
        numbers = np.searchsorted(np.concatenate([np.zeros(1, ids.dtype), ids]), objects)
        return np.asarray(np.concatenate([np.zeros(1, axons.dtype), axons])[numbers], store.axons.dtype)

    loops = _shapes(job, store, table["loops"], block)
    profiles = []
    gap = job.settings.tracing.tracking.gaps.sections
    for z, seeds in _bridged(block, around, tracked, weak=weak, gap=gap):
        for shape, axon in loops.get(z, []):  # a person said so
            seeds = np.where(shape, axon, seeds).astype(seeds.dtype)
        labels = job.settings.tracing.expansion.labels_of(seeds, store.membrane(z), job.mask_of(z))
        store.axons[z] = labels
        profiles.append(profiles_of(labels))
    _save(store, block, profiles)


def _loops(job: TraceJob, store: TraceStore, linked: Linked) -> list[tuple[int, ...]]:
    """Give the loops to be filled in: z, y, x of both ends, and the axon."""
    found: list[tuple[int, ...]] = []
    for loop in loops_of(job.anchors):
        at = loop.first
        objects = job.masked(store.objects(at.z), at.z)
        axon = int(linked.tracks_of(at.z, objects[at.y : at.y + 1, at.x])[0])
        found.append((at.z, at.y, at.x, loop.second.z, loop.second.y, loop.second.x, axon))
    return found


def _shapes(
    job: TraceJob, store: TraceStore, loops: NDArray[np.int64], block: range
) -> dict[int, list[tuple[NDArray[np.bool_], int]]]:
    """Give the shapes `(y, x)` of loops in a block's sections, and the axon of each."""
    found: dict[int, list[tuple[NDArray[np.bool_], int]]] = {}
    for *ends, axon in loops.tolist():
        shapes = []
        for z, y, x in (ends[:3], ends[3:]):
            objects = job.masked(store.objects(z), z)
            shapes.append(objects == objects[y, x])
        for z, shape in shapes_between(shapes[0], shapes[1], (ends[0], ends[3])):
            if z in block:
                found.setdefault(z, []).append((shape, axon))
    return found


def all_profiles(store: TraceStore, block: range) -> list[Profiles]:
    """Read what each section of a block shows of the axons."""
    stored = store.load(block, "profiles")
    return [Profiles(*some) for some in parts_of(stored, _columns(), "count")]


def _save(store: TraceStore, block: range, profiles: Sequence[Profiles]) -> None:
    arrays = {name: np.concatenate([getattr(some, name) for some in profiles]) for name in _columns()}
    store.save(block, "profiles", {"count": np.array([len(some.ids) for some in profiles]), **arrays})


def _columns() -> list[str]:
    return [field.name for field in fields(Profiles)]


def _around(job: TraceJob, block: range) -> range:
    """Give the sections that a block's gaps may be bridged from."""
    gap = job.settings.tracing.tracking.gaps.sections
    return range(max(block.start - gap, job.sections[0]), min(block.stop + gap, job.sections[-1] + 1))


def _bridged(
    sections: range, around: range, tracked: Callable[[int], NDArray[Any]], *, weak: NDArray[np.bool_], gap: int
) -> Iterator[tuple[int, NDArray[Any]]]:
    """Give the axons of consecutive sections one by one, gaps bridged, with `2 gap + 1` sections in memory."""
    window: dict[int, NDArray[Any]] = {}
    for z in sections:
        near = range(max(z - gap, around.start), min(z + gap + 1, around.stop))
        window = {other: window[other] if other in window else tracked(other) for other in near}
        yield z, bridged(list(window.values()), z - near[0], weak)
