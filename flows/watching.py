"""Waiting for people: what they submit is taken in at once, until every task of the iteration is answered."""

from rich.markup import escape

from annotation.webhook import waking
from flows.ingesting import ingest_submissions
from flows.labelling_server import server_of
from flows.runs import Run
from flows.terminal import console
from loop.errors import ProofloopError
from loop.events import Published
from loop.holding import held
from loop.iteration import Stage, position, require


def watch(run: Run) -> None:
    """Look at Label Studio every `poll_seconds`, and at once when it calls, until the iteration is closed.

    Faults of a submission are shown once and do not end the waiting: it goes back to its annotator.
    """
    iteration = require(run.ledger, Stage.INGEST)
    told: str | None = None
    with waking(server_of(run)) as called, console.status("waiting for annotators") as line:
        while True:
            called.clear()  # before the look: a call that comes during it means another look
            fault = _look(run)
            if fault and fault != told:
                console.print(escape(fault), highlight=False)
            told = fault
            if position(run.ledger).iteration > iteration:
                return
            line.update(_waiting(run, iteration))
            called.wait(run.config.annotation.poll_seconds)


def _look(run: Run) -> str | None:
    try:
        with held(run.folder.root):
            ingest_submissions(run)
    except ProofloopError as error:
        return str(error)
    return None


def _waiting(run: Run, iteration: int) -> str:
    asked = len(run.ledger.finished(Published, iteration).tasks)
    still = len(run.ledger.open_tasks(iteration))
    return f"iteration {iteration}: {asked - still} of {asked} tasks answered; waiting for annotators, Ctrl-C ends it"
