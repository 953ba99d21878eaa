"""The table of axons beside their labels: CSV for people, JSON for programs."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import RootModel

from loop.atomic import replacing, write_text
from loop.progress import Progress, silent
from loop.volume import Volume, VoxelSize
from tracing.axons import Axon, AxonTable, profiles_of
from tracing.skeleton import Skeleton


def axons_path(out: Path) -> Path:
    """Give the name of the table of axons beside the labels."""
    return out.with_suffix(".axons.csv")


def write_axon_table(path: Path, axons: Sequence[Axon]) -> None:
    """Write the table of axons, the longest first, as CSV, and as JSON beside it; in CSV the unknown is left empty."""
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(Axon.model_fields)
        for axon in axons:
            table.writerow(f"{value:.4f}" if isinstance(value, float) else value for value in dict(axon).values())
    write_text(path.with_suffix(".json"), RootModel[list[Axon]](list(axons)).model_dump_json(indent=1))


def axons_of(labels: Volume, voxel_size_nm_zyx: VoxelSize, *, progress: Progress = silent) -> list[Axon]:
    """Measure the axons of a stored volume; link margins are taken from the table beside it, if one is there."""
    table = AxonTable(voxel_size_nm_zyx)
    for z in range(labels.shape[0]):
        table.add(z, profiles_of(labels.section(z)))
        progress(z + 1, labels.shape[0], "measuring axons")
    margins = _known_margins(labels)
    return [axon.model_copy(update={"mean_link_margin": margins.get(axon.axon)}) for axon in table.axons()]


def with_lengths_of(axons: Sequence[Axon], skeletons: Mapping[int, Skeleton]) -> list[Axon]:
    """Give the axons with the lengths of their skeletons where they have one, the longest first."""
    measured = [
        axon.model_copy(update={"length_um": skeletons[axon.axon].length_um, "length_along": "skeleton"})
        if axon.axon in skeletons
        else axon
        for axon in axons
    ]
    return sorted(measured, key=lambda axon: -axon.length_um)


def _known_margins(labels: Volume) -> dict[int, float]:
    beside = axons_path(Path(labels.spec.rsplit(":", 1)[0]))
    if not beside.exists():
        return {}
    with beside.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    return {int(row["axon"]): float(row["mean_link_margin"]) for row in rows if row.get("mean_link_margin")}
