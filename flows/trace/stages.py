"""`proofloop trace`: from a membrane probability to axons with 3D ids, block by block, a few sections in memory."""

import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from flows.axon_table import axons_path
from flows.blocks import Task, do_missing
from flows.link_output import links_path, require_writable
from flows.trace.alignment import align_sections
from flows.trace.expansion import expand_sections, leave_tables
from flows.trace.job import TraceInputs, TraceJob, TraceSettings
from flows.trace.linking import link_sections
from flows.trace.merging import axons_of_objects
from flows.trace.objects import find_objects
from flows.trace.output import skeletons_path, write_axons
from flows.trace.work import TraceWork, unfinished
from flows.workers import Workers, crew_of
from loop.progress import Progress, silent
from loop.volume import VoxelSize
from tracing.axons import Axon
from tracing.extra import required
from tracing.tracking_links import LinkKind


class TraceSummary(BaseModel):
    """What `proofloop trace` did."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    out: str
    """The axons: dataset `labels`."""
    axon_table: str
    """CSV: id, length, sections, breaks and mean margin of every axon."""
    links_table: str
    """CSV: the links with their costs and margins."""
    skeletons: str | None
    """Folder of SWC files, if they were asked for."""
    shape: tuple[int, int, int]
    """Of the labels: the image's."""
    sections: str
    """Those traced, start:stop."""
    voxel_size_nm_zyx: VoxelSize
    """Size of a voxel."""
    objects: int
    """In all sections."""
    tracks: int
    """3D ids."""
    links: dict[LinkKind, int]
    """By kind."""
    damaged: list[int]
    """Sections that their neighbours resemble less than each other."""
    longest: list[Axon]
    """The ten longest."""
    seconds: dict[str, float]
    """Wall time: finding objects and linking them, merging, expanding and writing."""


def trace(
    inputs: TraceInputs,
    out: Path,
    settings: TraceSettings,
    *,
    workers: Workers | None = None,
    skeletons: int = 0,
    progress: Progress = silent,
) -> TraceSummary:
    """Trace axons through a volume: clean the membrane, find objects, link them, merge, expand, measure.

    What is at work lies in the folder `OUT.unfinished`; the same call goes on with what another left. The result is the
    same, bit for bit, with any number of workers.

    Parameters
    ----------
    inputs : TraceInputs
        Image, membrane probability, mask, anchors.
    out : Path
        HDF5 file or Zarr folder for the labels; tables lie beside it as `.axons.csv`, `.axons.json` and `.links.csv`,
        a picture as `.axons.png`.
    settings : TraceSettings
        How.
    workers : Workers, optional
        Who works; by default this process alone.
    skeletons : int
        Processes that make skeletons, which then lie beside `out` as `.skeletons`; with 0 none are made.
    progress : Progress
        Hears of the sections done, each of them four times.

    Raises
    ------
    InputError
        Volumes that cannot be read or differ in shape, no voxel size, no object, anchors that contradict each other.
    """
    require_writable(out)
    if skeletons:
        required("kimimaro")
    watch = [time.monotonic()]
    with unfinished(out, inputs, settings) as work, crew_of(workers or Workers()) as crew:
        job, store = work.opened()
        do_missing(_linking(work, job), crew, work.linked, _share(progress, 0, 3))
        watch.append(time.monotonic())
        linked = axons_of_objects(job, store)
        watch.append(time.monotonic())
        store.create_axons(job.image.shape, _dtype(linked.n_tracks), job.size)
        leave_tables(job, store, linked)
        do_missing(_expanding(work, job, linked.n_tracks), crew, work.expanded, _share(progress, 3, 4))
        axons = write_axons(work, linked, out, skeletons=skeletons, progress=progress)
        shutil.rmtree(work.folder)
    watch.append(time.monotonic())
    stages = zip(("linking", "merging", "expanding"), np.diff(watch).tolist(), strict=True)
    return TraceSummary(
        out=str(out),
        axon_table=str(axons_path(out)),
        links_table=str(links_path(out)),
        skeletons=str(skeletons_path(out)) if skeletons else None,
        shape=job.image.shape,
        sections=f"{job.sections[0]}:{job.sections[-1] + 1}",
        voxel_size_nm_zyx=job.size,
        objects=sum(map(len, linked.ids)),
        tracks=linked.n_tracks,
        links=linked.kinds(),
        damaged=sorted(linked.damaged),
        longest=axons[:10],
        seconds=dict(stages),
    )


def _linking(work: TraceWork, job: TraceJob) -> list[Task]:
    """List the tasks from the membrane to the links: only the last of a block waits for that of the block before."""
    tasks = []
    for number, block in enumerate(job.blocks()):
        of, before = f"of block {number}", f"of block {number - 1}"
        sections = len(block)
        tasks += [
            Task(f"objects {of}", find_objects, (work, block), sections=sections),
            Task(f"places {of}", align_sections, (work, block), (f"objects {of}", f"objects {before}"), sections),
            Task(
                f"links {of}", link_sections, (work, number), (f"places {of}", f"links {before}"), sections, urgent=True
            ),
        ]
    return tasks


def _expanding(work: TraceWork, job: TraceJob, n_axons: int) -> list[Task]:
    return [
        Task(f"axons of block {number}", expand_sections, (work, block, n_axons), sections=len(block))
        for number, block in enumerate(job.blocks())
    ]


def _dtype(n_axons: int) -> np.dtype[Any]:
    return np.dtype(np.uint32 if n_axons < 2**32 else np.uint64)


def _share(progress: Progress, first: int, last: int) -> Progress:
    """Tell of the units of stages `first` to `last` of four as units of all of them."""

    def told(done: int, total: int, note: str = "") -> None:
        n_sections = total // (last - first)
        progress(first * n_sections + done, 4 * n_sections, note)

    return told
