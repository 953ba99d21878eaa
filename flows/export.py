"""`proofloop export`: traced axons for other tools."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from flows.axon_picture import write_picture
from flows.axon_table import axons_of, with_lengths_of, write_axon_table
from flows.config import read_config
from flows.skeletons import require_voxel_size, skeletons_of
from flows.swc_files import write_swc_files
from flows.traced import newest_axons
from loop.errors import InputError
from loop.holding import held_beside
from loop.progress import Progress, part_of, silent
from loop.run import RunFolder
from loop.volume import Volume, VoxelSize, open_labels
from tracing.axons import Axon
from tracing.export_ome import OmeWriter
from tracing.export_precomputed import PrecomputedWriter, how_to_open
from tracing.export_vast import require_vast_ids, vast_table, write_vast_section
from tracing.extra import required
from tracing.resolutions import SLAB_SECTIONS
from tracing.skeleton import Skeleton, SkeletonConfig

Format = Literal["precomputed", "ome-zarr", "swc", "vast"]


class Exported(BaseModel):
    """What `proofloop export` did."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    out: str
    """The folder."""
    format: Format
    """What is in it."""
    source: str
    """The labels that were exported."""
    shape: tuple[int, int, int]
    """Of the labels, zyx."""
    voxel_size_nm_zyx: VoxelSize
    """Size of a voxel."""
    axons: int
    """Ids."""
    skeletons: int
    """Of them, those with a skeleton; 0 in formats without."""
    axon_table: str
    """CSV beside the folder; the same as JSON ends in .json."""
    picture: str
    """PNG: the longest axons from three sides."""
    open_with: list[str]
    """Precomputed: a command that serves the folder, and Neuroglancer's address that shows it."""
    seconds: float
    """Wall time."""


@dataclass(frozen=True)
class _Job:
    """What is exported."""

    labels: Volume
    size: VoxelSize
    axons: list[Axon]
    skeletons: dict[int, Skeleton]


def export(
    source: str,
    out: Path,
    form: Format,
    *,
    voxel_size_nm_zyx: VoxelSize | None = None,
    processes: int = 1,
    progress: Progress = silent,
) -> Exported:
    """Write axons as another tool reads them, sections by sections, whole or not at all.

    What is at work lies in the folder `OUT.unfinished`; one that was left there is begun anew.

    Parameters
    ----------
    source : str
        A run, or labels `path[:dataset]`: unsigned, zyx, 0 = none.
    out : Path
        The folder to write; the table and the picture of the axons lie beside it.
    form : str
        In which format.
    voxel_size_nm_zyx : tuple of float, optional
        In place of what the labels say.
    processes : int
        Processes that make skeletons.
    progress : Progress
        Hears of the sections done, each of them three or four times.

    Raises
    ------
    InputError
        If `out` is there, the labels cannot be read or hold no axon, nobody says how large a voxel is, the format
        cannot hold the ids, or the extra `export` is not installed.
    """
    began = time.monotonic()
    if out.exists():
        raise InputError(
            "the name of the export is taken",
            given=out,
            expected="a new name",
            fix="choose another name after -o, or remove what lies there",
        )
    labels = open_labels(_labels_of(source))
    size = require_voxel_size(labels, voxel_size_nm_zyx)
    write, with_skeletons = _FORMATS[form]
    parts = 3 + with_skeletons
    for library in ("kimimaro", "cloudvolume") if with_skeletons else ():
        required(library)
    table = out.with_name(f"{out.name}.axons.csv")
    with _unfinished(out) as folder:
        axons = axons_of(labels, size, progress=part_of(progress, 0, parts))
        if not axons:
            raise InputError(
                "there is no axon to export",
                given=labels.spec,
                expected="labels that are not 0 everywhere",
                fix="name other labels",
            )
        skeletons = {}
        if with_skeletons:
            told = part_of(progress, 1, parts)
            skeletons = skeletons_of(labels, size, _config_of(source), processes=processes, progress=told)
            axons = with_lengths_of(axons, skeletons)
        write(_Job(labels, size, axons, skeletons), folder, part_of(progress, parts - 2, parts))
        write_axon_table(table, axons)
        write_picture(table.with_suffix(".png"), labels, axons, size, progress=part_of(progress, parts - 1, parts))
        folder.rename(out)
    return Exported(
        out=str(out),
        format=form,
        source=labels.spec,
        shape=labels.shape,
        voxel_size_nm_zyx=size,
        axons=len(axons),
        skeletons=len(skeletons),
        axon_table=str(table),
        picture=str(table.with_suffix(".png")),
        open_with=how_to_open(out, axons, size) if form == "precomputed" else [],
        seconds=time.monotonic() - began,
    )


def _labels_of(source: str) -> str:
    """Give the axons that were traced last into a run's folder, or what is named itself."""
    if not RunFolder(Path(source)).config.exists():
        return source
    traced = newest_axons(Path(source))
    if traced is not None:
        return f"{traced}:labels"
    raise InputError(
        "the run has no axons yet",
        given=source,
        expected="axons.zarr or axons.h5 in its folder, or files in its folder axons",
        fix=f"proofloop trace {source} -o {source}/axons.zarr; or name the labels themselves",
    )


def _config_of(source: str) -> SkeletonConfig:
    path = RunFolder(Path(source)).config
    return read_config(path).tracing.skeletons if path.exists() else SkeletonConfig()


@contextmanager
def _unfinished(out: Path) -> Iterator[Path]:
    """Give an empty folder beside `out` to work in, for this process alone."""
    outer = out.with_name(f"{out.name}.unfinished")
    outer.mkdir(parents=True, exist_ok=True)
    with held_beside(outer):
        inner = outer / "whole"
        shutil.rmtree(inner, ignore_errors=True)
        inner.mkdir()
        try:
            yield inner
        finally:
            shutil.rmtree(outer)


def _slabs(labels: Volume, progress: Progress) -> Iterator[tuple[int, NDArray[Any]]]:
    n_sections = labels.shape[0]
    for start in range(0, n_sections, SLAB_SECTIONS):
        stop = min(start + SLAB_SECTIONS, n_sections)
        yield start, labels.sections(start, stop)
        progress(stop, n_sections, "writing")


def _write_precomputed(job: _Job, folder: Path, progress: Progress) -> None:
    writer = PrecomputedWriter(folder, job.labels.shape, job.labels.dtype, job.size)
    for start, slab in _slabs(job.labels, progress):
        writer.write(start, slab)
    writer.write_skeletons(job.skeletons)
    writer.write_properties(job.axons)


def _write_ome(job: _Job, folder: Path, progress: Progress) -> None:
    writer = OmeWriter(folder, job.labels.shape, job.labels.dtype, voxel_size_nm_zyx=job.size, axons=job.axons)
    for start, slab in _slabs(job.labels, progress):
        writer.write(start, slab)


def _write_swc(job: _Job, folder: Path, progress: Progress) -> None:
    write_swc_files(folder, job.skeletons, source=job.labels.spec)
    progress(job.labels.shape[0], job.labels.shape[0], "writing")


def _write_vast(job: _Job, folder: Path, progress: Progress) -> None:
    require_vast_ids(job.axons)
    for z in range(job.labels.shape[0]):
        write_vast_section(folder, z, job.labels.section(z))
        progress(z + 1, job.labels.shape[0], "writing")
    (folder / "axons.txt").write_text(vast_table(job.axons, job.labels.spec), encoding="utf-8")


_FORMATS: dict[Format, tuple[Callable[[_Job, Path, Progress], None], bool]] = {
    "precomputed": (_write_precomputed, True),
    "ome-zarr": (_write_ome, False),
    "swc": (_write_swc, True),
    "vast": (_write_vast, False),
}
"""What writes a format, and whether it has skeletons."""
