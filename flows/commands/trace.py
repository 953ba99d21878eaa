"""`proofloop trace`: membranes to axons."""

import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from flows.commands.crew import Memory, Scheduler, Workers
from flows.terminal import console, progress_bar

_EXAMPLES = """\
Example: `proofloop trace ac4 --sections 50:100 -o axons.h5` with the volume and the promoted model of the run `ac4`;

`proofloop trace stack.zarr --model ac4 -o axons.zarr`

`proofloop trace stack.h5:raw --membrane membrane.zarr -o axons.h5 --mask bundle.h5:mask --anchors seeds.csv --json`

`proofloop trace stack.zarr --membrane membrane.zarr -o axons.zarr --scheduler tcp://10.0.0.5:8786`
"""


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(epilog=_EXAMPLES)(trace)


def trace(
    source: Annotated[str, typer.Argument(metavar="RUN|VOLUME", help="A run, or an EM image path[:dataset].")],
    out: Annotated[Path, typer.Option("-o", "--out", help="What to write: .h5, .hdf5 or .zarr.")],
    model: Annotated[
        Path | None, typer.Option(help="Predicts the membrane: a checkpoint, or a run; default: the run itself.")
    ] = None,
    membrane: Annotated[
        str | None, typer.Option(help="A membrane that is predicted already, path[:dataset]; uint8, 255 = membrane.")
    ] = None,
    sections: Annotated[str, typer.Option(help="START:STOP; default: all. The others stay 0.")] = "",
    mask: Annotated[str | None, typer.Option(help="path[:dataset], zyx; axons are traced where it is not 0.")] = None,
    anchors: Annotated[
        Path | None,
        typer.Option(
            "--anchors",
            "--seeds",
            help="CSV with the header z,y,x,track: seeds set by hand, those of one name in one axon; where a further"
            " column fill says 1, the axon's shape is interpolated from the seed before of that name to this one. Or"
            " Label Studio's JSON export: key points, named by their text or label.",
        ),
    ] = None,
    voxel_size: Annotated[
        str | None, typer.Option(help="nm, Z,Y,X, for instance 30,12,12; default: what the volume says.")
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(help="Folder where registrations are kept; default: the cache folder.")
    ] = None,
    workers: Workers = 1,
    scheduler: Scheduler = None,
    memory: Memory = None,
    skeletons: Annotated[
        bool, typer.Option("--skeletons", help="Also OUT.skeletons: an SWC file of every axon's centre line.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")] = False,
) -> None:
    """Trace axons through a volume: predict, clean, find objects, link, merge pieces, expand.

    Writes `labels` with one id an axon, and beside it OUT.axons.csv (length, sections, breaks, mean margin of the links
    of every axon; the same as .json), OUT.axons.png (a picture) and OUT.links.csv (every link). A run's proofloop.toml
    says how, under `[tracing]`.
    After Ctrl-C or a crash the same command goes on. With several workers, or a cluster, blocks of sections are shared
    out; what comes out is the same, bit for bit.
    """
    from flows.config import parse_voxel_size
    from flows.trace.source import predicted_membrane, settings_of, traced
    from flows.trace.stages import trace as trace_volume
    from flows.workers import workers_of

    size = parse_voxel_size(voxel_size) if voxel_size else None
    crew = workers_of(workers, scheduler, memory)
    options = {"sections": sections, "mask": mask, "anchors": anchors, "voxel_size_nm_zyx": size}
    if membrane is None:
        with progress_bar("predict", "sections") as progress:
            membrane = predicted_membrane(source, out, model=model, sections=sections, workers=crew, progress=progress)
    inputs = traced(source, membrane, options)
    with progress_bar("trace", "sections") as progress:
        lines = workers if skeletons else 0
        settings = settings_of(source, model, cache)
        done = trace_volume(inputs, out, settings, workers=crew, skeletons=lines, progress=progress)
    if as_json:
        typer.echo(done.model_dump_json(indent=2))
        return
    console.print(f"[bold]{escape(done.out)}[/]: {done.objects} objects in {done.tracks} axons and pieces of axons")
    if done.longest:
        first = done.longest[0]
        console.print(f"The longest is {first.axon}: {first.length_um:.1f} um; all are in {escape(done.axon_table)}")
    if done.damaged:
        console.print(f"Sections that look damaged: {done.damaged}")
    typer.echo(f"Look at them: {shlex.join(['proofloop', 'view', source, '--segmentation', done.out])}")
