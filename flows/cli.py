"""The command line. Heavy libraries are imported inside the commands, so that `--help` answers at once."""

import atexit
import errno
import gc
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from pydantic_core import to_json
from rich.console import Console
from rich.markup import escape

from flows.commands import (
    annotator,
    bakeoff,
    blame,
    evaluate,
    export,
    link,
    mask,
    merge,
    segment,
    serve,
    stages,
    suggest,
    trace,
    view,
)
from flows.commands.review import review
from flows.terminal import console
from loop.errors import ProofloopError
from loop.ranking_words import DEFAULT_STRATEGY, StrategyName
from models.names import ModelName

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

app = typer.Typer(
    name="proofloop",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)

_INTERRUPTED = 130
"""Exit code by which the command-line library tells of a Ctrl-C."""

RunArgument = Annotated[Path, typer.Argument(help="Folder of the run.", metavar="RUN")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")]
Annotator = Annotated[
    Literal["oracle", "human"],
    typer.Option(help="Who corrects: people, or the oracle that submits the given labels through the same server."),
]


def _tell_version(asked: bool) -> None:
    if asked:
        from loop.code_version import code_version

        typer.echo(f"proofloop {code_version()}")
        raise typer.Exit


@app.callback()
def proofloop(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_tell_version, is_eager=True, help="Print version and commit, and end."),
    ] = False,
) -> None:
    """Train, predict, proofread in Label Studio, retrain, and see what every turn bought."""


@app.command(
    epilog="Example: `proofloop init ac4 --volume ac4.h5:raw --labels ac4.h5:labels --train 0:50 --holdout 90:100`"
)
def init(
    run: RunArgument,
    volume: Annotated[str, typer.Option(help="EM image, path[:dataset]: uint8, zyx.")],
    labels: Annotated[str, typer.Option(help="Instance labels, path[:dataset]: unsigned, zyx, 0 = membrane.")],
    train: Annotated[str, typer.Option(help="Densely labelled sections, START:STOP.")],
    holdout: Annotated[str, typer.Option(help="Sections that only ever measure, START:STOP.")],
    pool: Annotated[str, typer.Option(help="Sections for annotators; default: all others.")] = "",
    voxel_size: Annotated[
        str | None, typer.Option(help="nm, Z,Y,X, for instance 30,12,12; default: what the volume says.")
    ] = None,
    holdout_gap: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Sections on each side of the hold-out that no model sees in training; "
            "default: 1 where init chooses the pool, 0 where --pool is given.",
        ),
    ] = None,
    annotated: Annotated[
        str, typer.Option(help="Mask of the voxels that are labelled, path[:dataset], 0 = not; default: all are.")
    ] = "",
    unlabelled: Annotated[
        int | None, typer.Option(min=0, help="Id that stands for no label, in place of a mask.")
    ] = None,
    annotator: Annotator = "human",
    preset: Annotated[
        ModelName,
        typer.Option("--model", "--preset", help="Network and schedule: cpu is for two cores, the others for a GPU."),
    ] = "cpu",
    strategy: Annotated[
        StrategyName, typer.Option(help="How sections are chosen for annotators; `proofloop bakeoff` compares them.")
    ] = DEFAULT_STRATEGY,
) -> None:
    """Create a run: volume, dense sections, frozen hold-out.

    The other choices are in RUN/proofloop.toml, each with its explanation; edit them before the first iteration.
    """
    from flows.config import DataConfig, parse_voxel_size
    from flows.initialise import init_run, plan

    size = parse_voxel_size(voxel_size) if voxel_size else None
    data = DataConfig(
        volume=volume,
        labels=labels,
        train=train,
        holdout=holdout,
        pool=pool,
        holdout_gap=(0 if pool else 1) if holdout_gap is None else holdout_gap,
        annotated=annotated,
        unlabelled=unlabelled,
        voxel_size_nm_zyx=size,
    )
    config = plan(data, annotator=annotator, preset=preset, strategy=strategy)
    created = init_run(run, config)
    console.print(f"Run [bold]{escape(str(run))}[/] created: {created.describe()}")
    console.print(f"Next: proofloop iterate {escape(str(run))}")


@app.command(epilog="Example: `proofloop iterate ac4`; call it again after a crash or when annotators have answered.")
def iterate(run: RunArgument) -> None:
    """Take one turn: train, predict, evaluate, gate, rank, publish, ingest. Resumable."""
    from flows.running import iterate_once

    iterate_once(run)


@app.command("run", epilog="Example: `proofloop run ac4 --iterations 3`")
def run_(
    run: RunArgument,
    iterations: Annotated[int, typer.Option(min=1, help="Close this many iterations in all, then stop.")] = 3,
) -> None:
    """Take turns until the run has this many iterations, or until annotators are asked. Resumable."""
    from flows.running import iterate_until

    iterate_until(run, iterations)


@app.command(epilog="Example: `proofloop status ac4 --json`; `proofloop status ac4 --watch`")
def status(
    run: RunArgument,
    watch: Annotated[bool, typer.Option("--watch", help="Keep it on the screen and up to date, until Ctrl-C.")] = False,
    as_json: Json = False,
) -> None:
    """Show every iteration: hold-out metrics, the gate's decision, corrections, human minutes."""
    from flows.run_record import open_record
    from flows.summarise import status_records, status_table, summarise

    opened = open_record(run)
    if watch:
        from flows.status_live import watch_status

        watch_status(run)
    elif as_json:
        _print_json(status_records(summarise(opened)))
    else:
        Console().print(status_table(summarise(opened)))


@app.command(epilog="Example: `proofloop report ac4`")
def report(run: RunArgument) -> None:
    """Write RUN/report/index.html anew."""
    from flows.report.page import write_report
    from flows.report.panels import with_panels
    from flows.runs import open_run
    from flows.summarise import summarise

    opened = open_run(run)
    typer.echo(write_report(opened.folder.report, summary=with_panels(summarise(opened), opened)))


@app.command(
    epilog="Example: `proofloop demo --out demo`; with your own data: `--volume a.h5:raw --labels a.h5:labels`"
)
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the demo's run; an interrupted demo goes on there.")] = Path(
        "demo"
    ),
    iterations: Annotated[int, typer.Option(min=1, help="Turns of the loop.")] = 3,
    annotator: Annotator = "oracle",
    volume: Annotated[str | None, typer.Option(help="EM image; default: the phantom.")] = None,
    labels: Annotated[str | None, typer.Option(help="Its labels; default: the phantom's.")] = None,
) -> None:
    """Watch a model get better: phantom or your volume, the whole loop through Label Studio, report."""
    from flows.demo import run_demo

    run_demo(out, iterations=iterations, annotator=annotator, volume=volume, labels=labels)


app.add_typer(annotator.app, name="annotator")
stages.register(app)
app.command(epilog='Example: `proofloop review ac4 --accept 11 --send-back 12 --reason "The lower wall is missing."`')(
    review
)
blame.register(app)
segment.register(app)
link.register(app)
trace.register(app)
mask.register(app)
merge.register(app)
bakeoff.register(app)
export.register(app)
view.register(app)
evaluate.register(app)
serve.register(app)
suggest.register(app)


def main() -> None:
    """Run the command line; errors of ours become a message and an exit code, others keep their traceback."""
    _collect_seldom()
    try:
        app()
    except ProofloopError as error:
        console.print(f"[bold red]error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(error.exit_code)
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        where = error.filename or "where the run or its temporary files lie"
        console.print(
            f"[bold red]error:[/] no room for a file ({escape(str(error.strerror))}: {escape(str(where))})\n"
            "Nothing that was done is lost. Make room, then the same command goes on from here."
        )
        sys.exit(1)
    except SystemExit as stop:
        if stop.code != _INTERRUPTED:
            raise
        console.print("Interrupted. Nothing is lost: the same command goes on from here.")
        sys.exit(1)


def _collect_seldom() -> None:
    """Look for garbage seldom, and not at the end: what imports and a long run's events make all stays.

    Searching it took a fifth of the time of importing, a third of `status`, and as long again at the end.
    """
    gc.set_threshold(200_000, 20, 100)
    atexit.register(gc.freeze)


def _print_json(value: Any) -> None:
    typer.echo(to_json(value, indent=2, fallback=str))


if __name__ == "__main__":
    main()
