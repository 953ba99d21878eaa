"""`proofloop status --watch`: the table of iterations, and what the run waits for, as long as somebody looks."""

import time
from pathlib import Path

from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from flows.run_record import open_record
from flows.summarise import Recorded, status_table, summarise
from loop.iteration import position
from loop.waiting import waiting

_EVERY_S = 2.0


def watch_status(root: Path) -> None:
    """Show the status, anew whenever the ledger has grown, until Ctrl-C."""
    run = open_record(root)
    seen = -1
    with Live(auto_refresh=False) as live:
        while True:
            grown = len(run.ledger.events())
            if grown != seen:
                live.update(standing(run), refresh=True)
                seen = grown
            time.sleep(_EVERY_S)


def standing(run: Recorded) -> RenderableType:
    """Lay out where a run stands."""
    here, people = position(run.ledger), waiting(run.ledger)
    doing = people.describe() if people else f"next: {here.stage}"
    last = f"last change {run.ledger.events()[-1].at.astimezone():%Y-%m-%d %H:%M:%S}"
    return Group(status_table(summarise(run)), Text(f"iteration {here.iteration}: {doing}; {last}"))
