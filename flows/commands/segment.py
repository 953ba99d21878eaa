"""`proofloop segment`: any volume, any checkpoint."""

import shlex
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.markup import escape

from flows.commands.crew import Memory, Scheduler, Workers
from flows.terminal import console, progress_bar

_EXAMPLES = """\
Example: `proofloop segment stack.zarr --model ac4 -o membrane.zarr` with the model that the run `ac4` promoted;

`proofloop segment stack.h5:raw --model net.safetensors -o membrane.h5 --sections 0:100 --views 16 --labels`

`proofloop segment stack.zarr --model ac4 -o membrane.zarr --workers 8 --memory 6`
"""


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(epilog=_EXAMPLES)(segment)


def segment(
    volume: Annotated[str, typer.Argument(metavar="VOLUME", help="EM image, path[:dataset]: uint8, zyx.")],
    model: Annotated[Path, typer.Option(help="A checkpoint (.safetensors), or a run: its promoted model.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="What to write: .zarr, .h5 or .hdf5.")],
    sections: Annotated[str, typer.Option(help="START:STOP; default: all. The others stay 0.")] = "",
    views: Annotated[
        int | None,
        typer.Option(help="Mirrored views to average: 1, 4, 8 or 16; default: the run's setting, or 8."),
    ] = None,
    device: Annotated[
        Literal["auto", "cpu", "cuda"] | None,
        typer.Option(help="Where to predict; default: the run's setting, or auto."),
    ] = None,
    precision: Annotated[
        Literal["auto", "float32", "bfloat16", "int8"] | None,
        typer.Option(help="Number format; default: the run's setting, or auto, which measures and checks."),
    ] = None,
    labels: Annotated[bool, typer.Option("--labels", help="Also segment each section by itself: `labels`.")] = False,
    workers: Workers = 1,
    scheduler: Scheduler = None,
    memory: Memory = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")] = False,
) -> None:
    """Predict the membrane of any volume with any checkpoint.

    Writes `membrane` (uint8, 255 = membrane), with several views their `variance`, and with `--labels` the objects of
    each section. While at work the result is OUT.unfinished, a Zarr folder that can be read already. After Ctrl-C or a
    crash the same command goes on. With several workers, or a cluster, blocks are shared out, and what comes out is the
    same for any number of them.
    """
    from flows.predictor import predictor_of
    from flows.segment import segment as segment_volume
    from flows.workers import workers_of

    crew = workers_of(workers, scheduler, memory)
    choices = {"variants": views, "device": device, "precision": precision}
    with progress_bar("segment", "sections") as progress:
        done = segment_volume(
            volume,
            predictor_of(model, choices, labels=labels),
            out,
            sections=sections,
            workers=crew,
            progress=progress,
        )
    if as_json:
        typer.echo(done.model_dump_json(indent=2))
        return
    if done.sections_predicted:
        rate = f"{done.voxels_per_second / 1e6:.2f} Mvoxel/s"
        console.print(
            f"[bold]{escape(done.out)}[/]: {', '.join(done.arrays)}, {done.sections_predicted} sections, {rate}"
        )
    else:
        console.print(f"[bold]{escape(done.out)}[/] was there already, whole and made from the same.")
    typer.echo(f"Look at it: {shlex.join(['proofloop', 'view', volume, '--membrane', done.out])}")
