"""`proofloop annotator up|down|status`: the embedded Label Studio of a run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from flows.terminal import console, progress_bar

if TYPE_CHECKING:
    from annotation.server import Server

app = typer.Typer(no_args_is_help=True, help="Start, stop and find the embedded Label Studio of a run.")

RunArgument = Annotated[Path, typer.Argument(help="Folder of the run.", metavar="RUN")]


@app.command(epilog="Example: `proofloop annotator up ac4 --port 8080`")
def up(
    run: RunArgument,
    port: Annotated[int | None, typer.Option(help="Port on this machine; default: the last, or a free one.")] = None,
) -> None:
    """Start the server, or find it running, and say where to log in."""
    from flows.labelling_server import server_of
    from flows.runs import open_run

    opened = open_run(run)
    with progress_bar("start Label Studio", "s") as progress:
        started = server_of(opened, port=port, progress=progress)
    say_where(started)


@app.command(epilog="Example: `proofloop annotator down ac4`")
def down(run: RunArgument) -> None:
    """Stop the server; tasks and annotations stay in the run."""
    from annotation import server
    from loop.run import find_run

    stopped = server.down(find_run(run).annotation)
    console.print("Label Studio is stopped." if stopped else "Label Studio was not running.")


@app.command(epilog="Example: `proofloop annotator status ac4 --json`")
def status(run: RunArgument, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Say whether the server runs and where to log in."""
    import json

    from annotation import server
    from loop.run import find_run

    found = server.status(find_run(run).annotation)
    if as_json:
        typer.echo(
            json.dumps({"state": found.state, "url": found.server.url if found.server else None, "pid": found.pid})
        )
        return
    console.print(f"Label Studio is {found.state}.")
    if found.server and found.state == "up":
        say_where(found.server)


def say_where(server: "Server") -> None:
    """Tell where and how to log in, without showing a password."""
    if server.is_embedded:
        how = f"as {server.email}; the password is in {escape(str(server.password_file))}"
    else:
        how = f"as yourself; the project is {escape(server.project)}"
    console.print(f"Log in at [bold]{server.url}[/] {how}")
