"""`proofloop merge`: several traced volumes to one."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from flows.terminal import console, progress_bar


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(epilog="Example: `proofloop merge bundle1.zarr bundle2.zarr bundle3.zarr -o all.zarr --json`")(merge)


def merge(
    volumes: Annotated[
        list[str], typer.Argument(metavar="VOLUME VOLUME ...", help="Labels of one shape, path[:dataset] each.")
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="What to write: .h5, .hdf5 or .zarr.")],
    least_iou: Annotated[
        float, typer.Option(min=0.01, max=1, help="Least overlap, where both volumes have labels, of what is one axon.")
    ] = 0.3,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")] = False,
) -> None:
    """Merge volumes that were traced separately, mask by mask or stretch by stretch, into one with consistent ids.

    Axons of two volumes that lie best on one another where both have labels become one. Writes `labels`, and beside it
    OUT.merged.csv (what became of every id) and OUT.conflicts.csv (axons that overlap and did not become one).
    """
    from flows.merge import merge as merge_volumes
    from tracing.merging_volumes import OverlapRules

    with progress_bar("merge", "sections") as progress:
        done = merge_volumes(volumes, out, OverlapRules(least_iou=least_iou), progress=progress)
    if as_json:
        typer.echo(done.model_dump_json(indent=2))
        return
    console.print(f"[bold]{escape(done.out)}[/]: {done.axons} axons, {done.joined} pairs joined")
    console.print(f"{done.conflicts} pairs overlap and did not become one; they are in {escape(done.conflicts_table)}")
