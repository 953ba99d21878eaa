"""`proofloop link`: the 2D labels of each section become 3D tracks."""

import csv
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from flows.link_output import links_path, require_writable, write_links, write_tracks
from flows.link_summary import LinkSummary, SectionReport, damaged_sections, jumps_and_drift, section_report
from flows.linked import Linked, all_linked, found_in
from loop.cache import cache_folder
from loop.errors import InputError
from loop.progress import Progress, silent
from loop.volume import Volume, VoxelSize, open_image, open_labels, open_volume, require_equal_shape
from tracing.registration_cache import Registrar
from tracing.scale import guessed_pixel_nm
from tracing.tracking import Step, TrackingConfig, track
from tracing.tracking_anchors import Anchor
from tracing.tracking_objects import SectionObjects, section_objects

_LOOKED_AT = 5
"""Sections of which the objects say how large a pixel is, where nobody else does credibly."""
_CREDIBLE = 3.0
"""Times by which objects may be larger or smaller than neurites are: beyond, a size was given in another unit."""


class Inputs(BaseModel):
    """What is linked."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    labels: str
    """`path[:dataset]` of the labels of each section: unsigned, zyx; ids need mean nothing across sections."""
    raw: str | None = None
    """`path[:dataset]` of the EM image: uint8, zyx; without it the outlines of the objects are registered."""
    mask: str | None = None
    """`path[:dataset]`, zyx; where it is 0 there are no objects."""
    anchors: Path | None = None
    """CSV with header z,y,x,track."""
    voxel_size_nm_zyx: VoxelSize | None = None
    """In place of what the volumes say."""


def link(
    inputs: Inputs,
    out: Path,
    config: TrackingConfig | None = None,
    *,
    cache: Path | None = None,
    progress: Progress = silent,
) -> LinkSummary:
    """Link the objects of each section into tracks and write them.

    Parameters
    ----------
    inputs : Inputs
        Labels, image, mask, anchors.
    out : Path
        HDF5 file or Zarr folder for the tracks; the links table lies beside it as `.links.csv`.
    config : TrackingConfig, optional
        Costs and rules; None takes the defaults.
    cache : Path, optional
        Where registrations are kept; None takes the cache folder.
    progress : Progress
        Hears of the sections done, linked and written.

    Raises
    ------
    InputError
        Volumes that cannot be read or differ in shape; no object; anchors that contradict each other.
    """
    began = time.monotonic()
    require_writable(out)
    labels, image, mask = _opened(inputs)
    size = inputs.voxel_size_nm_zyx or (image and image.voxel_size_nm_zyx) or labels.voxel_size_nm_zyx
    pixel_nm = _pixel_nm(size, labels, mask)
    anchors = read_anchors(inputs.anchors, labels.shape[0]) if inputs.anchors else []
    config = config or TrackingConfig()
    registrar = Registrar(pixel_nm, config.registration, cache or cache_folder() / "registration")
    n_sections = labels.shape[0]
    reports: list[SectionReport] = []

    def watched() -> Iterator[Step]:
        for step in track(_sections(labels, image, mask, pixel_nm), registrar, config, anchors):
            reports.append(section_report(step))
            progress(step.section.z + 1, 2 * n_sections, f"{len(step.section)} objects")
            yield step

    linked = all_linked(map(found_in, watched()))
    _require_objects(linked.ids, inputs)
    dtype = np.dtype(np.uint32 if linked.n_tracks < 2**32 else np.uint64)
    sections = _relabelled(_masked(labels, mask), linked, progress)
    write_tracks(out, sections, shape=labels.shape, dtype=dtype, voxel_size_nm_zyx=size)
    write_links(links_path(out), linked.table.links, ids=linked.ids, tracks=linked.tracks)
    jumps, drift_nm = jumps_and_drift(reports, pixel_nm)
    return LinkSummary(
        out=str(out),
        links_table=str(links_path(out)),
        shape=labels.shape,
        voxel_size_nm_zyx=size,
        pixel_nm=pixel_nm,
        objects=sum(map(len, linked.ids)),
        tracks=linked.n_tracks,
        links=linked.kinds(),
        doubtful=sum(report.doubtful for report in reports),
        severed=linked.severed,
        aside=linked.aside,
        damaged=damaged_sections(linked.damaged, reports),
        jumps=jumps,
        drift_nm=drift_nm,
        seconds=time.monotonic() - began,
        sections=reports,
    )


def _relabelled(sections: Iterable[NDArray[Any]], linked: Linked, progress: Progress) -> Iterator[NDArray[Any]]:
    n_sections = len(linked.ids)
    for z, section in enumerate(sections):
        yield linked.tracks_of(z, section)
        progress(n_sections + z + 1, 2 * n_sections, "writing tracks")


def _opened(inputs: Inputs) -> tuple[Volume, Volume | None, Volume | None]:
    labels = open_labels(inputs.labels)
    image = open_image(inputs.raw) if inputs.raw else None
    mask = open_volume(inputs.mask, dataset="mask") if inputs.mask else None
    for other in (image, mask):
        if other:
            require_equal_shape(labels, other)
    return labels, image, mask


def _pixel_nm(size: VoxelSize | None, labels: Volume, mask: Volume | None) -> float:
    """Give the size of a pixel: what is said, unless nobody does or its objects could be no neurites by it."""
    every = max(labels.shape[0] // _LOOKED_AT, 1)
    guessed = guessed_pixel_nm(_masked_section(labels, mask, z) for z in range(0, labels.shape[0], every))
    said = float(np.sqrt(size[1] * size[2])) if size else None
    if said and (guessed is None or 1 / _CREDIBLE < said / guessed < _CREDIBLE):
        return said
    return guessed or 1.0  # without any object, which is told of later


def _masked_section(labels: Volume, mask: Volume | None, z: int) -> NDArray[Any]:
    section = labels.section(z)
    return np.where(mask.section(z) != 0, section, 0) if mask else section


def _masked(labels: Volume, mask: Volume | None) -> Iterator[NDArray[Any]]:
    return (_masked_section(labels, mask, z) for z in range(labels.shape[0]))


def _sections(labels: Volume, image: Volume | None, mask: Volume | None, pixel_nm: float) -> Iterator[SectionObjects]:
    for z, section in enumerate(_masked(labels, mask)):
        yield section_objects(z, section, image.section(z) if image else None, pixel_nm=pixel_nm)


def _require_objects(ids: list[NDArray[Any]], inputs: Inputs) -> None:
    if not any(map(len, ids)):
        raise InputError(
            "there is no object to link",
            given=f"{inputs.labels}, 0 everywhere" + (f" within the mask {inputs.mask}" if inputs.mask else ""),
            expected="at least one labelled object in at least one section",
            fix="name another dataset or another mask" if inputs.mask else "name another dataset",
        )


def read_anchors(path: Path, n_sections: int) -> list[Anchor]:
    """Read anchors of a volume from a CSV file with the header z,y,x,track, to which fill may be added."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            rows = [{name: value for name, value in row.items() if value} for row in csv.DictReader(stream)]
        anchors = [Anchor.model_validate(row) for row in rows]
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise InputError(
            f"anchors cannot be read from {path}",
            given=error,
            expected="a CSV file with the header z,y,x,track: three whole numbers from 0 and a name",
            fix="write for instance the lines z,y,x,track and 0,120,84,axon 7",
        ) from error
    for anchor in anchors:
        if anchor.z >= n_sections:
            raise InputError(
                "an anchor lies outside the volume",
                given=str(anchor),
                expected=f"z below {n_sections}",
                fix="move the point or take it away",
            )
    return anchors
