"""What `proofloop link` writes: tracks as a volume, links as a table."""

import csv
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import zarr
from numpy.typing import NDArray

from loop.atomic import replacing
from loop.errors import InputError
from loop.volume import VoxelSize
from tracing.tracking_links import Links

_MARK = "written_by"
_WRITER = "proofloop link"
_COLUMNS = ("z", "id", "to_z", "to_id", "cost", "margin", "kind", "track")


def require_writable(out: Path) -> None:
    """Refuse a name of unknown format, and one under which lies what another program wrote."""
    if out.suffix not in (".h5", ".hdf5", ".zarr"):
        raise InputError(
            "the format of the tracks is not known",
            given=out,
            expected="a name that ends in .h5, .hdf5 or .zarr",
            fix=f"write -o {out.with_suffix('.h5')}",
        )
    if out.exists() and not _is_ours(out):
        raise InputError(
            "the name for the tracks is taken",
            given=out,
            expected="a new name, or tracks that proofloop link wrote, which are replaced",
            fix="choose another name after -o",
        )


def links_path(out: Path) -> Path:
    """Give the name of the links table beside the tracks."""
    return out.with_suffix(".links.csv")


def write_tracks(
    out: Path,
    sections: Iterable[NDArray[Any]],
    *,
    shape: tuple[int, int, int],
    dtype: np.dtype[Any],
    voxel_size_nm_zyx: VoxelSize | None,
) -> None:
    """Write sections (y, x) as dataset `labels` of an HDF5 file or a Zarr folder, whole or not at all."""
    with _dataset(out, shape, dtype, voxel_size_nm_zyx) as labels:
        for z, section in enumerate(sections):
            labels[z] = section


def write_links(
    path: Path,
    links: Sequence[Links],
    *,
    ids: Sequence[NDArray[Any]],
    tracks: Sequence[NDArray[np.uint64]],
) -> None:
    """Write the links table: the labels' own ids, cost and margin (nats), kind, and the track that came of it.

    Parameters
    ----------
    path : Path
        A CSV file.
    links : sequence of Links
        Any order.
    ids : sequence of ndarray
        For each section, the id of objects 1, 2, ...
    tracks : sequence of (objects + 1,) uint64
        For each section, the track of every object.
    """
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(_COLUMNS)
        for some in sorted(links, key=lambda one: (one.z, one.to_z)):
            for first, second, cost, margin in zip(some.first, some.second, some.cost, some.margin, strict=True):
                row = (some.z, ids[some.z][first - 1], some.to_z, ids[some.to_z][second - 1])
                table.writerow((*row, f"{cost:.3f}", f"{margin:.3f}", some.kind, tracks[some.z][first]))


def tracks_folder(
    path: Path, *, shape: tuple[int, int, int], dtype: np.dtype[Any], voxel_size_nm_zyx: VoxelSize | None
) -> Any:
    """Make a Zarr folder for tracks and give its array `labels`: a chunk is a section."""
    group = zarr.open_group(path, mode="w", attributes={_MARK: _WRITER})
    attributes: dict[str, Any] = {"voxel_size_nm_zyx": list(voxel_size_nm_zyx)} if voxel_size_nm_zyx else {}
    return group.create_array("labels", shape=shape, dtype=dtype, chunks=(1, *shape[1:]), attributes=attributes)


def take_folder(made: Path, out: Path) -> None:
    """Let a finished Zarr folder take its name, in place of tracks that lie there."""
    out.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{out.stem}-", dir=out.parent))
    try:
        if out.exists():
            out.rename(scratch / "before.zarr")
        made.rename(out)
    finally:
        shutil.rmtree(scratch)


@contextmanager
def _dataset(out: Path, shape: tuple[int, int, int], dtype: np.dtype[Any], size: VoxelSize | None) -> Iterator[Any]:
    if out.suffix != ".zarr":
        with replacing(out) as temporary, h5py.File(temporary, "w") as file:
            file.attrs[_MARK] = _WRITER
            chunks = (1, *shape[1:])
            labels = file.create_dataset("labels", shape, dtype, chunks=chunks, compression="gzip", compression_opts=1)
            if size:
                labels.attrs["voxel_size_nm_zyx"] = list(size)
            yield labels
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{out.stem}-", dir=out.parent))
    try:
        yield tracks_folder(scratch / "tracks.zarr", shape=shape, dtype=dtype, voxel_size_nm_zyx=size)
        take_folder(scratch / "tracks.zarr", out)
    finally:
        shutil.rmtree(scratch)


def _is_ours(out: Path) -> bool:
    try:
        if out.is_dir():
            return zarr.open_group(out, mode="r").attrs.get(_MARK) == _WRITER
        with h5py.File(out, "r") as file:
            return bool(file.attrs.get(_MARK) == _WRITER)
    except (OSError, ValueError, KeyError):
        return False
