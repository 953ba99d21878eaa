"""`proofloop suggest`."""

import json
from typing import Annotated

import typer

from flows.terminal import progress_bar


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(epilog="Example: `proofloop suggest stack.zarr:raw -n 5`")(suggest)


def suggest(
    volume: Annotated[str, typer.Argument(metavar="VOLUME", help="EM image, path[:dataset].")],
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="How many sections.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")] = False,
) -> None:
    """Say which sections to label first, before there is a model: typical ones of every look along the stack.

    Sections that look damaged or blank are left out and named.
    """
    from flows.suggesting import suggest as find

    with progress_bar("look", "sections") as progress:
        found = find(volume, count, progress)
    if as_json:
        typer.echo(json.dumps(found.model_dump(), indent=2))
        return
    typer.echo(f"Label first: {', '.join(map(str, found.sections))} (of {found.looked_at} sections looked at)")
    if found.damaged:
        typer.echo(f"They look damaged or blank: {', '.join(map(str, found.damaged))}")
