"""`proofloop trace`: from a membrane probability to axons with 3D ids, a few sections in memory at a time."""

import shutil
import time
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from flows.link_output import links_path, require_writable
from flows.trace_job import TraceInputs, TraceJob, TraceSettings
from flows.trace_linking import link_objects, merge_tracks
from flows.trace_objects import find_objects, objects_store
from flows.trace_output import axons_path, write_axons
from loop.progress import Progress, part_of, silent
from loop.volume import VoxelSize
from tracing.axons import Axon
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
    """Wall time: finding objects, linking, merging, expanding and writing."""


def trace(inputs: TraceInputs, out: Path, settings: TraceSettings, *, progress: Progress = silent) -> TraceSummary:
    """Trace axons through a volume: clean the membrane, find objects, link them, merge, expand, measure.

    What is at work lies in the folder `OUT.unfinished`; the same call goes on with what another left.

    Parameters
    ----------
    inputs : TraceInputs
        Image, membrane probability, mask, anchors.
    out : Path
        HDF5 file or Zarr folder for the labels; tables lie beside it as `.axons.csv` and `.links.csv`.
    settings : TraceSettings
        How.
    progress : Progress
        Hears of the sections done, each of them four times.

    Raises
    ------
    InputError
        Volumes that cannot be read or differ in shape, no voxel size, no object, anchors that contradict each other.
    """
    require_writable(out)
    job = TraceJob.open(inputs, settings)
    watch = [time.monotonic()]
    with objects_store(out, job) as store:
        find_objects(store, job, part_of(progress, 0, 4))
        watch.append(time.monotonic())
        linked = link_objects(job, store, part_of(progress, 1, 4))
        watch.append(time.monotonic())
        linked = merge_tracks(job, store, linked, part_of(progress, 2, 4))
        watch.append(time.monotonic())
        axons = write_axons(job, store, linked, out, part_of(progress, 3, 4))
        shutil.rmtree(store.path.parent)
    watch.append(time.monotonic())
    stages = zip(("objects", "linking", "merging", "expanding"), np.diff(watch).tolist(), strict=True)
    return TraceSummary(
        out=str(out),
        axon_table=str(axons_path(out)),
        links_table=str(links_path(out)),
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
