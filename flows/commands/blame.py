"""`proofloop blame|replay|rollback`: where labels and models come from, and how to go back to an earlier one."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from flows.terminal import console, progress_bar

RunArgument = Annotated[Path, typer.Argument(help="Folder of the run.", metavar="RUN")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(epilog="Example: `proofloop blame ac4 57 120 340`; `proofloop blame ac4 57` for the whole section.")(
        blame
    )
    app.command(epilog="Example: `proofloop replay ac4 --iteration 2 -o seen.h5`")(replay)
    app.command(epilog="Example: `proofloop rollback ac4 --to 2`")(rollback)


def blame(
    run: RunArgument,
    z: Annotated[int, typer.Argument(help="Section.", metavar="Z", min=0)],
    y: Annotated[int | None, typer.Argument(help="Row.", metavar="[Y", min=0)] = None,
    x: Annotated[int | None, typer.Argument(help="Column.", metavar="X]", min=0)] = None,
    as_json: Json = False,
) -> None:
    """Tell who labelled a voxel, or a section, when, over which model's contours, and which models learnt it."""
    from flows.blame_words import blame_lines
    from loop.blame import blame_section, blame_voxel
    from loop.run import find_run

    if (y is None) != (x is None):
        raise typer.BadParameter("give Z Y X for a voxel, or Z alone for a section")
    folder = find_run(run)
    found = blame_section(folder, z) if y is None or x is None else blame_voxel(folder, z, y, x)
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
        return
    for line in blame_lines(found):
        Console(soft_wrap=True).print(escape(line), highlight=False)


def replay(
    run: RunArgument,
    iteration: Annotated[int, typer.Option(min=1, help="Whose training.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="HDF5 file; gets `labels` and `annotated`.")],
) -> None:
    """Rebuild the label volume as the training of an iteration saw it, byte for byte, from the ledger."""
    from loop.replay import replay as rebuild
    from loop.run import find_run

    with progress_bar("replay", "sections") as progress:
        trained = rebuild(find_run(run), iteration, out, progress=progress)
    recorded = "as recorded when the model was trained" if trained.origin else "no hash was recorded at the time"
    console.print(f"{escape(str(out))}: {len(trained.sections)} sections, {recorded}.")


def rollback(
    run: RunArgument,
    to: Annotated[
        int | None, typer.Option(min=1, help="Iteration of the model; default: the one promoted before.")
    ] = None,
) -> None:
    """Make an earlier model the promoted one again; nothing is deleted, and the next training starts from it."""
    from flows.learning import roll_back
    from flows.runs import at_work_on

    with at_work_on(run) as opened:
        event = roll_back(opened, to=to)
    withdrawn = ", ".join(map(str, event.withdrawn))
    console.print(f"The model of iteration {event.iteration} is the promoted one; withdrawn: {withdrawn}.")
