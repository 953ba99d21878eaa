"""`proofloop train|predict|rank|publish|ingest`: the stages of an iteration by themselves, without Prefect."""

from pathlib import Path
from typing import Annotated

import typer

from flows.terminal import progress_bar

RunArgument = Annotated[Path, typer.Argument(help="Folder of the run.", metavar="RUN")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for command in (train, predict, rank, publish, ingest, watch):
        app.command(epilog=f"Example: `proofloop {command.__name__} ac4`")(command)


def train(run: RunArgument) -> None:
    """Train on every labelled section."""
    from flows.learning import train_model
    from flows.runs import at_work_on

    with at_work_on(run) as opened, progress_bar("train", "steps") as progress:
        train_model(opened, progress)


def predict(run: RunArgument) -> None:
    """Predict membranes of the pool and the hold-out."""
    from flows.learning import predict_sections
    from flows.runs import at_work_on

    with at_work_on(run) as opened, progress_bar("predict", "sections") as progress:
        predict_sections(opened, progress)


def rank(run: RunArgument) -> None:
    """Measure on the hold-out, promote the model unless it is worse, choose the sections for annotators."""
    from flows.gate_words import say_gate
    from flows.learning import evaluate_model, gate_model
    from flows.proofreading import rank_pool
    from flows.runs import at_work_on

    with at_work_on(run) as opened:
        with progress_bar("evaluate", "sections") as progress:
            evaluate_model(opened, progress)
        say_gate(gate_model(opened))
        with progress_bar("rank", "sections") as progress:
            rank_pool(opened, progress)


def publish(run: RunArgument) -> None:
    """Make tasks with pre-annotated contours in Label Studio."""
    from flows.proofreading import publish_tasks
    from flows.runs import at_work_on

    with at_work_on(run) as opened, progress_bar("publish", "tasks") as progress:
        publish_tasks(opened, progress)


def ingest(run: RunArgument) -> None:
    """Take in what annotators submitted."""
    from flows.ingesting import ingest_submissions
    from flows.runs import at_work_on

    with at_work_on(run) as opened, progress_bar("ingest", "tasks") as progress:
        ingest_submissions(opened, progress)


def watch(run: RunArgument) -> None:
    """Wait for annotators and take in what they submit at once, until every task of the iteration is answered."""
    from flows.runs import open_run
    from flows.watching import watch as wait

    wait(open_run(run))
