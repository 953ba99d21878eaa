"""The third stage of `proofloop trace`: tracks expanded into labels, and the table of axons."""

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flows.link_output import links_path, write_links, write_tracks
from flows.linked import Linked
from flows.trace_job import TraceJob
from loop.atomic import replacing
from loop.predictions import PredictionStore
from loop.progress import Progress
from tracing.axons import Axon, AxonTable
from tracing.expansion import bridged


def axons_path(out: Path) -> Path:
    """Give the name of the table of axons beside the labels."""
    return out.with_suffix(".axons.csv")


def write_axons(job: TraceJob, store: PredictionStore, linked: Linked, out: Path, progress: Progress) -> list[Axon]:
    """Expand the tracks of each section into labels, write them and their tables, and give the axons."""
    axons = AxonTable(linked.n_tracks, job.size)
    dtype = np.dtype(np.uint32 if linked.n_tracks < 2**32 else np.uint64)
    expansion, gap = job.settings.tracing.expansion, job.settings.tracing.tracking.gaps.sections

    def tracked(z: int) -> NDArray[Any]:
        return linked.tracks_of(z, job.masked(store.labels(z), z)).astype(dtype)

    def written() -> Iterator[NDArray[Any]]:
        blank = np.zeros(job.image.shape[1:], dtype)
        yield from [blank] * job.sections[0]
        spans = np.bincount(np.concatenate([np.unique(some) for some in linked.tracks]).astype(np.int64))
        weak = spans <= expansion.weak_sections
        for done, (z, seeds) in enumerate(_bridged(job.sections, tracked, weak=weak, gap=gap), start=1):
            labels = expansion.labels_of(seeds, store.membrane(z), job.mask_of(z))
            axons.add(z, labels)
            yield labels
            progress(done, len(job.sections), f"writing {out.name}")
        yield from [blank] * (job.image.shape[0] - job.sections[-1] - 1)

    write_tracks(out, written(), shape=job.image.shape, dtype=dtype, voxel_size_nm_zyx=job.size)
    found = axons.axons(linked.table.links, linked.tracks)
    write_links(links_path(out), linked.table.links, ids=linked.ids, tracks=linked.tracks)
    _write_table(axons_path(out), found)
    return found


def _write_table(path: Path, axons: Sequence[Axon]) -> None:
    """Write the table of axons, the longest first; an unknown margin is left empty."""
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(Axon.model_fields)
        for axon in axons:
            table.writerow(f"{value:.4f}" if isinstance(value, float) else value for value in dict(axon).values())


def _bridged(
    sections: Sequence[int], tracked: Callable[[int], NDArray[Any]], *, weak: NDArray[np.bool_], gap: int
) -> Iterator[tuple[int, NDArray[Any]]]:
    """Give the tracks of consecutive sections one by one, gaps bridged, with `2 gap + 1` sections in memory."""
    window: dict[int, NDArray[Any]] = {}
    for z in sections:
        around = range(max(z - gap, sections[0]), min(z + gap, sections[-1]) + 1)
        window = {other: window[other] if other in window else tracked(other) for other in around}
        yield z, bridged(list(window.values()), z - around[0], weak)
