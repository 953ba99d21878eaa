"""What of a turn people should hear, wherever they are."""

from flows.runs import Run
from flows.serving.notifying import notify
from loop.events import Gated
from loop.iteration import position
from loop.waiting import waiting


def tell_news(run: Run) -> None:
    """Tell of what somebody should look at, and of new tasks."""
    people = waiting(run.ledger)
    iteration = position(run.ledger).iteration - (people is None)
    gated = run.ledger.stage(Gated, iteration)
    for alarm in gated.alarms if gated else []:
        notify(run.folder.root, "alarm", f"proofloop {run.name}: please look", f"iteration {iteration}: {alarm}")
    if people and people.still_open:
        text = f"iteration {iteration}: {people.still_open} tasks wait for annotators"
        notify(run.folder.root, "batch", f"proofloop {run.name}: new tasks", text)
