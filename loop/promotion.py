"""Which model a run trusts: the last that was promoted, unless it was rolled back to an earlier one."""

from loop.errors import InputError
from loop.events import Evaluated, Gated, RolledBack, Trained
from loop.ledger import Ledger


def promoted_iterations(ledger: Ledger) -> list[int]:
    """Give the iterations whose models were promoted and not withdrawn since, the promoted one last."""
    standing: list[int] = []
    for event in ledger.events():
        if isinstance(event, Gated) and event.decision.promoted:
            standing.append(event.iteration)
        elif isinstance(event, RolledBack):
            standing = standing[: standing.index(event.iteration) + 1]
    return standing


def promoted_model(ledger: Ledger) -> Trained | None:
    """Find the training that made the promoted model, None before the first."""
    standing = promoted_iterations(ledger)
    return ledger.stage(Trained, standing[-1]) if standing else None


def best_promoted(ledger: Ledger) -> Evaluated | None:
    """Find the measures of the best model among those promoted and not withdrawn, None before the first.

    A new model is held against this one, so that many small steps down, each within the margin, cannot add up.
    """
    measured = [ledger.finished(Evaluated, number) for number in promoted_iterations(ledger)]
    return min(measured, key=lambda event: event.mean.voi, default=None)


def rolled_back(ledger: Ledger, *, to: int | None = None) -> RolledBack:
    """Give the event by which an earlier model becomes the promoted one again.

    Parameters
    ----------
    ledger : Ledger
        The record; nothing is appended.
    to : int, optional
        Iteration of the model; by default the one that was promoted before the present one.

    Raises
    ------
    InputError
        If there is no such model, or it was never promoted, was withdrawn, or is the promoted one already.
    """
    standing = promoted_iterations(ledger)
    earlier = standing[:-1]
    if not earlier:
        raise InputError(
            "there is no earlier model to roll back to",
            given=f"promoted so far: iteration {standing[0]}" if standing else "no model is promoted yet",
            expected="at least two models that passed the gate",
            fix="wait for another turn, or start a new run",
        )
    chosen = earlier[-1] if to is None else to
    if chosen not in earlier:
        raise InputError(
            f"the run cannot be rolled back to iteration {chosen}",
            given=_state_of(ledger, chosen, standing),
            expected=f"one of the iterations {', '.join(map(str, earlier))}",
            fix=f"choose one of them, for instance --to {earlier[-1]}",
        )
    return RolledBack(iteration=chosen, withdrawn=standing[standing.index(chosen) + 1 :])


def _state_of(ledger: Ledger, iteration: int, standing: list[int]) -> str:
    if iteration == standing[-1]:
        return "its model is the promoted one"
    gated = ledger.stage(Gated, iteration)
    if gated is None:
        return "no model of this iteration was ever promoted"
    return "its model was withdrawn" if gated.decision.promoted else f"its model was kept out: {gated.decision.reason}"
