"""What sections cost people: minutes per section over the iterations."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator

from flows.report_curve import GRID, INK, svg_uri
from flows.summary import IterationSummary

_DOT, _MEAN = "#0072b2", INK


def minutes_by_iteration(turns: Sequence[IterationSummary]) -> str | None:
    """Draw the minutes of every section and their mean; the picture is a data URI of an SVG, None without minutes."""
    means = [(turn.iteration, turn.minutes_per_section) for turn in turns if turn.minutes_per_section is not None]
    if not means:
        return None
    places = [iteration for iteration, _ in means]
    spent = [(turn.iteration, one.minutes) for turn in turns for one in turn.corrected if one.minutes]
    figure = Figure(figsize=(5.2, 2.9), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(*zip(*spent, strict=True), "o", color=_DOT, alpha=0.45, markersize=6, label="one section")
    axes.plot(*zip(*means, strict=True), "-", marker="_", markersize=16, color=_MEAN, linewidth=1.8, label="mean")
    for place, mean in means:
        axes.annotate(f"{mean:.1f}", (place, mean), (12, 6), textcoords="offset points", color=INK)
    axes.set_xlabel("Iteration")
    axes.set_ylabel("Minutes per section")
    axes.set_ylim(bottom=0, top=1.15 * axes.get_ylim()[1])
    axes.set_xlim(min(places) - 0.5, max(places) + 0.5)
    axes.xaxis.set_major_locator(FixedLocator(places) if len(places) < 9 else MaxNLocator(integer=True))
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=2, frameon=False, handlelength=1.9)
    return svg_uri(figure)
