"""The gate's decisions as a picture: how far each model was from the best before it."""

from collections.abc import Sequence

from flows.report.curve import INK, blank, show_places, svg_uri
from flows.summary import IterationSummary

_SHOWN = {"promote": ("promoted", "#00805a"), "keep": ("kept out", "#b35900"), "alarm": ("alarm", "#c0143c")}
"""Name and colour of each verdict."""


def gate_by_iteration(turns: Sequence[IterationSummary]) -> str | None:
    """Draw difference, interval and margin of each decision; a data URI of an SVG, None without intervals."""
    figure, axes = blank(2.9)
    places = []
    for turn in turns:
        decision = turn.decision
        if decision is None or decision.verdict is None or decision.difference is None:
            continue
        if decision.interval is None or decision.margin is None:
            continue
        places.append(turn.iteration)
        name, colour = _SHOWN[decision.verdict]
        axes.vlines(turn.iteration, *decision.interval, color=colour, linewidth=2.2)
        axes.plot(turn.iteration, decision.difference, "o", color=colour, markersize=6, label=name)
        axes.plot(turn.iteration, decision.margin, "_", color=INK, markersize=16, label="most that the gate allows")
    if not places:
        return None
    axes.axhline(0, color="#7b8794", linewidth=1)
    axes.set_ylabel("VOI less the best before (bits)")
    show_places(axes, "Iteration", places, room=0.6)
    handles, names = axes.get_legend_handles_labels()
    once = dict(zip(names, handles, strict=True))
    figure.legend(once.values(), once, loc="outside upper center", ncols=4, frameon=False, columnspacing=1.0)
    return svg_uri(figure)
