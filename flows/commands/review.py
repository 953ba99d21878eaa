"""`proofloop review`: what annotators answered, accepted or sent back."""

import getpass
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from flows.terminal import console


def review(
    run: Annotated[Path, typer.Argument(help="Folder of the run.", metavar="RUN")],
    accept: Annotated[list[int] | None, typer.Option(help="Task whose answer is good; may be given again.")] = None,
    send_back: Annotated[int | None, typer.Option(help="Task that goes back to the annotators.")] = None,
    reason: Annotated[str, typer.Option(help="With --send-back: what the annotator reads above the section.")] = "",
    by: Annotated[str, typer.Option(help="Who reviews; default: the account on this machine.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")] = False,
) -> None:
    """List the answers that nobody has reviewed, each with a picture; accept them or send them back.

    In the pictures cyan outlines stayed, red ones were taken away, yellow ones are new.
    """
    from flows.reviewing import accept as accept_task
    from flows.reviewing import check_review, return_to_annotators, waiting_answers
    from flows.runs import open_run

    opened, reviewer = open_run(run), by or getpass.getuser()
    if send_back is not None and not reason:
        raise typer.BadParameter("say why with --reason: the annotator reads it above the section")
    check_review(opened, accept or [], send_back)
    for task in accept or []:
        accept_task(opened, task, by=reviewer)
    if send_back is not None:
        return_to_annotators(opened, send_back, reason=reason, by=reviewer)
    rows = [answer.row() for answer in waiting_answers(opened)]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
    elif not rows:
        console.print("No answer waits for review.")
    else:
        table = Table("task", "section", "annotator", "regions\ntouched", "pixels\nchanged", box=SIMPLE_HEAD)
        table.add_column("picture", overflow="fold")
        for row in rows:
            table.add_row(
                *(str(row[name]) for name in ("task", "section", "annotator")),
                *("" if row[name] is None else f"{row[name]:,}" for name in ("regions_touched", "pixels_changed")),
                row["picture"],
            )
        Console().print(table)
