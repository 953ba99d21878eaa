"""`proofloop annotator up|down|status|backup|restore`: the embedded Label Studio of a run."""

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
    from flows.helping import start_with_service
    from flows.runs import open_run

    opened = open_run(run)
    with progress_bar("start Label Studio", "s") as progress:
        started = start_with_service(opened, port=port, progress=progress)
    say_where(started)


@app.command(epilog="Example: `proofloop annotator down ac4`")
def down(run: RunArgument) -> None:
    """Stop the server; tasks and annotations stay in the run."""
    from annotation import prediction_process, server
    from loop.run import find_run

    folder = find_run(run).annotation
    prediction_process.stop_service(folder)
    stopped = server.down(folder)
    if stopped:
        console.print("Label Studio is stopped.")
    elif _lab_url(run):
        console.print("The lab's Label Studio runs on: it is not ours to stop.")
    else:
        console.print("Label Studio was not running.")


@app.command(epilog="Example: `proofloop annotator status ac4 --json`")
def status(run: RunArgument, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Say whether the server runs and where to log in."""
    from annotation import prediction_process, server
    from loop.run import find_run

    if url := _lab_url(run):
        _lab_status(run, url, as_json=as_json)
        return
    folder = find_run(run).annotation
    found, service = server.status(folder), prediction_process.service_url(folder)
    if as_json:
        url = found.server.url if found.server else None
        _print_state(found.state, url, pid=found.pid, service=service)
        return
    console.print(f"Label Studio is {found.state}; the prediction service is {'up' if service else 'down'}.")
    if found.server and found.state == "up":
        say_where(found.server)


@app.command(epilog="Example: `proofloop annotator backup ac4 -o ac4-friday.tar.gz`; people may go on working.")
def backup(
    run: RunArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write; it holds the server's secrets too.")],
) -> None:
    """Write database, images and secrets of the embedded server into one file, while it runs or not."""
    from annotation.backup import back_up
    from flows.labelling_server import database_of
    from flows.runs import open_run

    opened = open_run(run)
    with progress_bar("back up Label Studio", "files") as progress:
        back_up(opened.folder.annotation, out, database=database_of(opened), progress=progress)
    console.print(f"Backup: {escape(str(out))}, {out.stat().st_size / 1e6:.1f} MB, readable by you alone")


@app.command(epilog="Example: `proofloop annotator restore ac4 ac4-friday.tar.gz --overwrite`")
def restore(
    run: RunArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `proofloop annotator backup` wrote.")],
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Stop a server that is there and keep its folder aside.")
    ] = False,
) -> None:
    """Bring the embedded server back to a backup; the ledger keeps everything that was ingested."""
    from annotation import backup as backups
    from flows.labelling_server import database_of
    from flows.runs import open_run

    opened = open_run(run)
    kept = backups.restore(opened.folder.annotation, file, database=database_of(opened), overwrite=overwrite)
    console.print(f"Restored from {escape(str(file))}. Start it: proofloop annotator up {escape(str(run))}")
    if kept:
        console.print(f"What was there before is in {escape(str(kept))}", soft_wrap=True)


def _lab_url(run: Path) -> str | None:
    """Give the address of the lab's own server, None where the run has an embedded one."""
    from flows.config import read_config
    from loop.run import find_run

    return read_config(find_run(run).config).annotation.server.url


def _lab_status(run: Path, url: str, *, as_json: bool) -> None:
    """Say whether the lab's own server lets us in, and why not."""
    from flows.labelling_server import server_of
    from flows.runs import open_run
    from loop.errors import ServerUnavailable

    found = None
    try:
        found = server_of(open_run(run))
    except ServerUnavailable as error:
        console.print(escape(str(error)), highlight=False)
    if as_json:
        _print_state("up" if found else "down", url, pid=None, service=None)
    elif found:
        console.print("The lab's Label Studio is up; it has no prediction service.")
        say_where(found)


def _print_state(state: str, url: str | None, *, pid: int | None, service: str | None) -> None:
    import json

    typer.echo(json.dumps({"state": state, "url": url, "pid": pid, "prediction_service": service}))


def say_where(server: "Server") -> None:
    """Tell where and how to log in, without showing a password."""
    if server.is_embedded:
        how = f"as {server.email}; the password is in {escape(str(server.password_file))}"
    else:
        how = f"as yourself; the project is {escape(server.project)}"
    console.print(f"Log in at [bold]{server.url}[/] {how}", soft_wrap=True)  # the path is there to be copied
