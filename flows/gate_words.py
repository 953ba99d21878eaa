"""What the gate decided, said in the terminal."""

from rich.markup import escape

from flows.terminal import console
from loop.events import Gated


def say_gate(gated: Gated) -> None:
    """Tell whether the model is promoted and why; alarms stand out."""
    verdict = "promoted" if gated.decision.promoted else "not promoted"
    console.print(f"Iteration {gated.iteration}: {verdict}. {escape(gated.decision.reason)}")
    for alarm in gated.alarms:
        console.print(f"[bold red]alarm:[/] {escape(alarm)}", soft_wrap=True)
