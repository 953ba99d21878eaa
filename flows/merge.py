"""`proofloop merge`: volumes traced separately, for instance mask by mask, become one with consistent ids."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from flows.link_output import require_writable, write_tracks
from loop.atomic import replacing
from loop.errors import InputError
from loop.progress import Progress, silent
from loop.volume import Volume, VoxelSize, open_labels, require_equal_shape
from tracing.merging_volumes import Conflict, Merged, OverlapRules, Overlaps


class MergeSummary(BaseModel):
    """What `proofloop merge` did."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    out: str
    """The merged volume: dataset `labels`."""
    axons_table: str
    """CSV: volume, its id, the id in the merged volume."""
    conflicts_table: str
    """CSV: axons of two volumes that overlap and did not become one."""
    volumes: list[str]
    """In the order given: where they disagree, the earlier one is drawn."""
    shape: tuple[int, int, int]
    """Of the merged volume."""
    voxel_size_nm_zyx: VoxelSize | None
    """Size of a voxel, null where no volume says."""
    axons: int
    """Ids of the merged volume."""
    joined: int
    """Pairs of axons of two volumes that became one."""
    conflicts: int
    """Pairs that overlap and did not."""


def merge(
    volumes: Sequence[str], out: Path, rules: OverlapRules | None = None, *, progress: Progress = silent
) -> MergeSummary:
    """Merge labelled volumes of one shape, each 0 outside of its mask or stretch of sections, section by section.

    Parameters
    ----------
    volumes : sequence of str
        `path[:dataset]` each: unsigned, zyx. What they share may be voxels at the edges of masks, or sections.
    out : Path
        HDF5 file or Zarr folder; tables lie beside it as `.merged.csv` and `.conflicts.csv`.
    rules : OverlapRules, optional
        When axons of two volumes are one.
    progress : Progress
        Hears of the sections done, each of them twice.

    Raises
    ------
    InputError
        Fewer than two volumes, different shapes or voxel sizes, or nothing labelled.
    """
    require_writable(out)
    opened = _opened(volumes)
    n_sections = opened[0].shape[0]
    overlaps = Overlaps()
    for z in range(n_sections):
        overlaps.add(z, _seen(opened, z))
        progress(z + 1, 2 * n_sections, "looking where volumes overlap")
    merged = overlaps.merged(rules or OverlapRules())
    if not merged.axons:
        raise InputError(
            "there is nothing to merge", given="0 everywhere", expected="labels", fix="name other datasets"
        )
    count = max(merged.axons.values())
    size = next((volume.voxel_size_nm_zyx for volume in opened if volume.voxel_size_nm_zyx), None)
    dtype = np.dtype(np.uint32 if count < 2**32 else np.uint64)
    sections = _drawn(opened, _lookups(merged, len(opened)), dtype, progress)
    write_tracks(out, sections, shape=opened[0].shape, dtype=dtype, voxel_size_nm_zyx=size)
    tables = (out.with_suffix(".merged.csv"), out.with_suffix(".conflicts.csv"))
    _write(tables[0], ("volume", "id", "axon"), [(volumes[i], one, axon) for (i, one), axon in merged.axons.items()])
    _write(tables[1], Conflict.model_fields, [tuple(dict(one).values()) for one in merged.conflicts])
    return MergeSummary(
        out=str(out),
        axons_table=str(tables[0]),
        conflicts_table=str(tables[1]),
        volumes=list(volumes),
        shape=opened[0].shape,
        voxel_size_nm_zyx=size,
        axons=count,
        joined=merged.joined,
        conflicts=len(merged.conflicts),
    )


def _opened(volumes: Sequence[str]) -> list[Volume]:
    if len(volumes) < 2:
        raise InputError(
            "there is nothing to merge with",
            given=f"{len(volumes)} volume",
            expected="two or more",
            fix="name all of them",
        )
    opened = [open_labels(one) for one in volumes]
    for other in opened[1:]:
        require_equal_shape(opened[0], other)
    sizes = {volume.voxel_size_nm_zyx for volume in opened} - {None}
    if len(sizes) > 1:
        raise InputError(
            "volumes to be merged differ in voxel size",
            given=sizes,
            expected="one size, nm zyx",
            fix="correct the attribute voxel_size_nm_zyx of those that are wrong",
        )
    return opened


def _seen(volumes: Sequence[Volume], z: int) -> Iterator[tuple[int, NDArray[Any]]]:
    for number, volume in enumerate(volumes):
        section = volume.section(z)
        if section.any():
            yield number, section


def _lookups(merged: Merged, count: int) -> list[tuple[NDArray[np.uint64], NDArray[np.uint64]]]:
    """Give for each volume its ids, ascending from 0, and what becomes of them."""
    tables: list[list[tuple[int, int]]] = [[(0, 0)] for _ in range(count)]
    for (number, one), axon in merged.axons.items():
        tables[number].append((one, axon))
    arrays = [np.array(sorted(table), np.uint64) for table in tables]
    return [(array[:, 0], array[:, 1]) for array in arrays]


def _drawn(
    volumes: Sequence[Volume],
    lookups: Sequence[tuple[NDArray[np.uint64], NDArray[np.uint64]]],
    dtype: np.dtype[Any],
    progress: Progress,
) -> Iterator[NDArray[Any]]:
    """Draw the volumes into each other; the first that has labels somewhere has its way there."""
    n_sections = volumes[0].shape[0]
    for z in range(n_sections):
        drawn = np.zeros(volumes[0].shape[1:], dtype)
        for number, section in _seen(volumes, z):
            free = (drawn == 0) & (section > 0)
            ids, axons = lookups[number]
            drawn[free] = axons[np.searchsorted(ids, section[free].astype(np.uint64))]
        yield drawn
        progress(n_sections + z + 1, 2 * n_sections, "drawing")


def _write(path: Path, header: Iterable[str], rows: Sequence[tuple[Any, ...]]) -> None:
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(header)
        table.writerows([f"{value:.4f}" if isinstance(value, float) else value for value in row] for row in rows)
