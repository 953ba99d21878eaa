"""What `proofloop trace` leaves: the axons as a volume, their tables, a picture, and skeletons if they are wanted."""

from pathlib import Path

import numpy as np

from flows.axon_picture import write_picture
from flows.axon_table import axons_path, with_lengths_of, write_axon_table
from flows.link_output import links_path, take_folder, write_links, write_tracks
from flows.linked import Linked
from flows.skeletons import skeletons_of
from flows.swc_files import write_swc_folder
from flows.trace.expansion import all_profiles
from flows.trace.work import TraceWork
from loop.progress import Progress, silent
from loop.volume import open_labels
from tracing.axons import Axon, AxonTable


def skeletons_path(out: Path) -> Path:
    """Give the name of the folder of skeletons beside the labels."""
    return out.with_suffix(".skeletons")


def write_axons(
    work: TraceWork, linked: Linked, out: Path, *, skeletons: int = 0, progress: Progress = silent
) -> list[Axon]:
    """Give the expanded axons their name, write their tables, and give the axons.

    Parameters
    ----------
    work : TraceWork
        With all sections expanded.
    linked : Linked
        The objects and their axons.
    out : Path
        HDF5 file or Zarr folder for the labels.
    skeletons : int
        Processes that make skeletons; with 0 none are made.
    progress : Progress
        Hears of the sections of which skeletons are made.
    """
    job, store = work.opened()
    axons = AxonTable(job.size)
    for block in job.blocks():
        for z, profiles in zip(block, all_profiles(store, block), strict=True):
            axons.add(z, profiles)
    found = axons.axons(linked.table.links, linked.tracks)
    labels = open_labels(f"{store.axons_path}:labels")
    if skeletons:
        config = job.settings.tracing.skeletons
        lines = skeletons_of(labels, job.size, config, processes=skeletons, progress=progress)
        found = with_lengths_of(found, lines)
        write_swc_folder(skeletons_path(out), lines, source=out.name)
    write_links(links_path(out), linked.table.links, ids=linked.ids, tracks=linked.tracks)
    write_axon_table(axons_path(out), found)
    write_picture(axons_path(out).with_suffix(".png"), labels, found, job.size)
    if out.suffix == ".zarr":
        work.expanded.unlink()  # what is interrupted from here on expands again
        take_folder(store.axons_path, out)
    else:
        sections = (np.asarray(store.axons[z]) for z in range(job.image.shape[0]))
        write_tracks(out, sections, shape=job.image.shape, dtype=store.axons.dtype, voxel_size_nm_zyx=job.size)
    return found
