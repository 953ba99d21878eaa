"""`proofloop bakeoff`: which query strategy pays on this data."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from flows.terminal import console, progress_bar

_EXAMPLES = """\
Example: `proofloop bakeoff ac4.h5:raw ac4.h5:labels --strategies random,entropy,random@tile,entropy@tile
--holdout 90:100 -o bakeoff`; call it again after an interruption, or with more strategies, seeds or turns.
"""


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(epilog=_EXAMPLES)(bakeoff)


def bakeoff(
    volume: Annotated[str, typer.Argument(metavar="VOLUME", help="EM image, path[:dataset]: uint8, zyx.")],
    labels: Annotated[str, typer.Argument(metavar="LABELS", help="Its dense labels, path[:dataset].")],
    holdout: Annotated[str, typer.Option(help="Sections that only measure, START:STOP; the others are the pool.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for turns and results.")] = Path("bakeoff"),
    strategies: Annotated[
        str, typer.Option(help="Comma-separated; `@tile` after a name asks for tiles, not sections.")
    ] = "random,interval,entropy,diversity,entropy@tile",
    seeds: Annotated[int, typer.Option(min=1, help="Repetitions, the same for all strategies.")] = 5,
    start: Annotated[int, typer.Option(min=1, help="Neighbouring sections labelled to begin with.")] = 5,
    turns: Annotated[int, typer.Option(min=1, help="Trainings after the first.")] = 6,
    per_turn: Annotated[float, typer.Option(min=0.1, help="Minutes an annotator works between two trainings.")] = 15.0,
    crop: Annotated[int | None, typer.Option(min=96, help="Only the middle of the sections, px; is faster.")] = None,
    tile: Annotated[int, typer.Option(min=96, help="Height and width of tiles, px.")] = 128,
    first_steps: Annotated[int, typer.Option(min=1, help="Updates of the first training of a seed.")] = 800,
    steps: Annotated[int, typer.Option(min=1, help="Updates of every further training.")] = 150,
    views: Annotated[
        int, typer.Option(help="Mirrored views to average: 1, 4, 8 or 16; variance, bald and power need several.")
    ] = 4,
    jobs: Annotated[int, typer.Option(min=1, help="Seeds simulated at a time, each in one thread.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")] = False,
) -> None:
    """Simulate the loop on a labelled volume with each strategy, and compare what the annotator's minutes bought.

    No server is needed: the oracle's strokes and points on the model's objects are counted, and minutes are those that
    the effort model gives for them. Writes result.json, curves.png, curves.svg and index.html.
    """
    from pydantic import ValidationError

    from flows.bakeoff.bake_off import bake_off
    from flows.bakeoff.output import outcome_table
    from flows.bakeoff.plan import Plan, simulation_prediction, simulation_training
    from flows.config import config_error

    try:
        plan = Plan(
            volume=volume,
            labels=labels,
            holdout=holdout,
            contenders=tuple(name.strip() for name in strategies.split(",")),
            seeds=seeds,
            start_sections=start,
            turns=turns,
            minutes_per_turn=per_turn,
            crop_px=crop,
            tile_px=tile,
            first_steps=first_steps,
            training=simulation_training().model_copy(update={"steps": steps}),
            prediction=simulation_prediction().model_copy(update={"variants": views}),
        )
    except ValidationError as error:
        raise config_error("of the bake-off", error) from error
    with progress_bar("bake-off", "turns") as progress:
        found = bake_off(plan, out, jobs=jobs, progress=progress)
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
    else:
        Console().print(outcome_table(found))
        console.print(f"Plot and table: [bold]{escape(str(out / 'index.html'))}[/]")
