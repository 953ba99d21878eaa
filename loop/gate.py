"""The gate: a new model is promoted only if it is better on the frozen hold-out."""

from pydantic import BaseModel, ConfigDict

from loop.metrics import Agreement


class GateDecision(BaseModel):
    """Whether a candidate replaces the promoted model, and why."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    promoted: bool
    """True when the candidate is now the promoted model."""
    reason: str
    """The comparison in words."""


def decide(candidate: Agreement, incumbent: Agreement | None) -> GateDecision:
    """Promote a candidate whose hold-out VOI (split + merge) is lower than the incumbent's."""
    if incumbent is None:
        return GateDecision(promoted=True, reason=f"first model, hold-out VOI {candidate.voi:.3f} bits")
    better = candidate.voi < incumbent.voi
    verdict = "lower than" if better else "not lower than"
    return GateDecision(
        promoted=better, reason=f"hold-out VOI {candidate.voi:.3f} bits, {verdict} {incumbent.voi:.3f} before"
    )
