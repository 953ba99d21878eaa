"""`proofloop export`: axons for other tools."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.markup import escape

from flows.terminal import console, progress_bar

_EXAMPLES = """\
Example: `proofloop export axons.h5 --format precomputed -o axons.precomputed` for Neuroglancer, with skeletons;

`proofloop export ac4 --format swc -o skeletons --processes 8` for the axons traced into the run's folder;

`proofloop export axons.h5:labels --format vast -o vast`, `--format ome-zarr -o axons.ome.zarr`
"""


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(epilog=_EXAMPLES)(export)


def export(
    source: Annotated[
        str,
        typer.Argument(
            metavar="RUN|SEGMENTATION", help="A run with axons.zarr or axons.h5, or labels, path[:dataset]."
        ),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder to write; it must not be there.")],
    form: Annotated[Literal["precomputed", "ome-zarr", "swc", "vast"], typer.Option("--format", help="What reads it.")],
    voxel_size: Annotated[
        str | None, typer.Option(help="nm, Z,Y,X, for instance 30,12,12; default: what the labels say.")
    ] = None,
    processes: Annotated[int, typer.Option(min=1, help="Processes that make skeletons.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")] = False,
) -> None:
    """Write traced axons for Neuroglancer (precomputed), OME-Zarr readers, SWC readers or VAST.

    precomputed: labels in several resolutions, skeletons with radii, the table of axons. ome-zarr: labels in several
    resolutions, version 0.4. swc: a file an axon, in micrometres. vast: a PNG a section and the table of segments.
    Beside OUT lie OUT.axons.csv, .json and .png: the measures and a picture of the axons. Skeletons need the extra
    `export`. After Ctrl-C or a crash the same command begins anew; what is called OUT is whole.
    """
    from flows.config import parse_voxel_size
    from flows.export import export as export_volume

    size = parse_voxel_size(voxel_size) if voxel_size else None
    with progress_bar("export", "sections") as progress:
        done = export_volume(source, out, form, voxel_size_nm_zyx=size, processes=processes, progress=progress)
    if as_json:
        typer.echo(done.model_dump_json(indent=2))
        return
    skeletons = f", {done.skeletons} skeletons" if done.format in ("precomputed", "swc") else ""
    console.print(f"[bold]{escape(done.out)}[/]: {done.axons} axons{skeletons}, {done.seconds:.0f} s")
    console.print(f"Measures: {escape(done.axon_table)}; picture: {escape(done.picture)}")
    for line in done.open_with:
        typer.echo(line)
