"""Taking turns: one iteration or several, and what is said while people have the work."""

from pathlib import Path

from rich.markup import escape

from flows.commands.annotator import say_where
from flows.labelling_server import server_of
from flows.runs import Run, open_run
from flows.serving.orphans import end_orphans, note_who_starts
from flows.serving.prefect_server import use_running_server
from flows.summarise import status_table, summarise
from flows.terminal import console
from loop.iteration import position


def iterate_once(root: Path) -> None:
    """Take one turn, as far as it can go now."""
    iterate_until(root, position(open_run(root).ledger).iteration)


def iterate_until(root: Path, iterations: int) -> None:
    """Take turns until iteration number `iterations` is closed or annotators are asked."""
    run = open_run(root)
    end_orphans()
    note_who_starts()
    use_running_server(root)
    from flows.iterate import iterate  # Prefect takes seconds to import; a faulty run is told before

    closed = True
    while closed and position(run.ledger).iteration <= iterations:
        closed = iterate(root)
    console.print(status_table(summarise(run)))
    if closed:
        console.print(f"Closed. The next turn: proofloop iterate {escape(str(root))}")
    else:
        say_waiting(run)
    console.print(f"Report: {escape(str(run.folder.report / 'index.html'))}")


def say_waiting(run: Run) -> None:
    """Tell where the annotators' work is and how to go on."""
    say_where(server_of(run))
    if run.config.annotation.review == "required" and (waiting := run.ledger.unreviewed()):
        console.print(f"Answers that wait for review: {len(waiting)} (proofloop review {escape(str(run.folder.root))})")
    console.print(f"When sections are submitted, go on with: proofloop iterate {escape(str(run.folder.root))}")
