"""What `proofloop trace` leaves: the axons as a volume, and their tables."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from flows.link_output import links_path, take_folder, write_links, write_tracks
from flows.linked import Linked
from flows.trace_expansion import all_profiles
from flows.trace_work import TraceWork
from loop.atomic import replacing
from tracing.axons import Axon, AxonTable


def axons_path(out: Path) -> Path:
    """Give the name of the table of axons beside the labels."""
    return out.with_suffix(".axons.csv")


def write_axons(work: TraceWork, linked: Linked, out: Path) -> list[Axon]:
    """Give the expanded axons their name, write their tables, and give the axons."""
    job, store = work.opened()
    axons = AxonTable(job.size)
    for block in job.blocks():
        for z, profiles in zip(block, all_profiles(store, block), strict=True):
            axons.add(z, profiles)
    found = axons.axons(linked.table.links, linked.tracks)
    write_links(links_path(out), linked.table.links, ids=linked.ids, tracks=linked.tracks)
    _write_table(axons_path(out), found)
    if out.suffix == ".zarr":
        work.expanded.unlink()  # what is interrupted from here on expands again
        take_folder(store.axons_path, out)
    else:
        sections = (np.asarray(store.axons[z]) for z in range(job.image.shape[0]))
        write_tracks(out, sections, shape=job.image.shape, dtype=store.axons.dtype, voxel_size_nm_zyx=job.size)
    return found


def _write_table(path: Path, axons: Sequence[Axon]) -> None:
    """Write the table of axons, the longest first; an unknown margin is left empty."""
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(Axon.model_fields)
        for axon in axons:
            table.writerow(f"{value:.4f}" if isinstance(value, float) else value for value in dict(axon).values())
