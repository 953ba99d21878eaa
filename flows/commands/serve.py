"""`proofloop serve`: retrain by schedule and when enough corrections are there, for weeks."""

from pathlib import Path
from typing import Annotated

import typer

_EXAMPLES = """\
Example: `proofloop serve ac4 --after-corrections 8 --deadline-days 3 --at-least 4`

`proofloop serve ac4 --schedule "0 2 * * *"`
"""


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(epilog=_EXAMPLES)(serve)


def serve(
    run: Annotated[Path, typer.Argument(help="Folder of the run.", metavar="RUN")],
    schedule: Annotated[
        str | None, typer.Option(metavar="CRON", help="Take a turn then, if there are new corrections; local time.")
    ] = None,
    after_corrections: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Take the next turn after so many corrections.")
    ] = None,
    deadline_days: Annotated[
        float | None, typer.Option(metavar="D", help="Take it after so many days with what is there.")
    ] = None,
    at_least: Annotated[
        int | None, typer.Option(min=1, metavar="M", help="Corrections that must be there for the deadline to count.")
    ] = None,
    poll_minutes: Annotated[
        float | None, typer.Option(metavar="M", help="Minutes between two looks at the answers.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port of Prefect's page; default: the last, or a free one.")] = None,
) -> None:
    """Serve a run for weeks: turns by schedule and when enough corrections are there, looks at answers, traces.

    What is not given stands in RUN/proofloop.toml, under `[waiting]` and `[serving]`. Uses the Prefect server that
    PREFECT_API_URL names, else one of its own. Ctrl-C stops it; a second start goes on, also after a crash.
    """
    from flows.config import changed
    from flows.runs import open_run
    from flows.serving.serve import serve as serve_run

    config = open_run(run).config
    patience = changed(
        config.waiting, after_corrections=after_corrections, deadline_days=deadline_days, at_least=at_least
    )
    serve_run(run, changed(config.serving, schedule=schedule, poll_minutes=poll_minutes), patience, port=port)
