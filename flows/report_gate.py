"""The gate's decisions as a picture: how far each model was from the best before it."""

from collections.abc import Sequence

from flows.report_curve import INK, blank, show_places, svg_uri
from flows.summary import IterationSummary

_COLOURS = {"promote": "#00805a", "keep": "#b35900", "alarm": "#c0143c"}


def gate_by_iteration(turns: Sequence[IterationSummary]) -> str | None:
    """Draw difference, interval and margin of each decision; a data URI of an SVG, None without intervals."""
    decided = [
        (turn.iteration, turn.decision.verdict, turn.decision.difference, turn.decision.interval, turn.decision.margin)
        for turn in turns
        if turn.decision is not None
    ]
    figure, axes = blank(2.9)
    places = []
    for iteration, verdict, difference, interval, margin in decided:
        if verdict is None or difference is None or interval is None or margin is None:
            continue
        places.append(iteration)
        colour = _COLOURS[verdict]
        axes.vlines(iteration, *interval, color=colour, linewidth=2.2)
        axes.plot(iteration, difference, "o", color=colour, markersize=6, label=_NAMES[verdict])
        axes.plot(iteration, margin, "_", color=INK, markersize=16, label="most that the gate allows")
    if not places:
        return None
    axes.axhline(0, color="#7b8794", linewidth=1)
    axes.set_ylabel("VOI less the best before (bits)")
    show_places(axes, "Iteration", places)
    low, high = axes.get_xlim()
    axes.set_xlim(low - 0.3, high + 0.3)
    handles = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    figure.legend(
        handles.values(), handles.keys(), loc="outside upper center", ncols=4, frameon=False, columnspacing=1.0
    )
    return svg_uri(figure)


_NAMES = {"promote": "promoted", "keep": "kept out", "alarm": "alarm"}
