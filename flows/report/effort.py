"""What sections cost people: minutes and edits per section over the iterations."""

from collections.abc import Sequence

from flows.report.curve import INK, LABELLED, blank, show_places, svg_uri
from flows.summary import IterationSummary

_DOT, _MEAN = "#0072b2", INK


def minutes_by_iteration(turns: Sequence[IterationSummary]) -> str | None:
    """Draw the minutes of every section and their mean; the picture is a data URI of an SVG, None without minutes."""
    spent = {turn.iteration: [one.minutes for one in turn.corrected if one.minutes] for turn in turns}
    return _dots_and_means(spent, "Minutes per section")


def edits_by_iteration(turns: Sequence[IterationSummary]) -> str | None:
    """Draw the regions touched in every section and their mean, as an SVG; None without a correction."""
    touched = {turn.iteration: [float(one.regions_touched) for one in turn.corrected] for turn in turns}
    return _dots_and_means(touched, "Edits per section")


def _dots_and_means(found: dict[int, list[float]], label: str) -> str | None:
    dots = [(iteration, value) for iteration, values in found.items() for value in values]
    if not dots:
        return None
    means = [(iteration, sum(values) / len(values)) for iteration, values in found.items() if values]
    figure, axes = blank(2.9)
    # Rasterised: ten thousand dots as shapes would be a megabyte.
    axes.plot(*zip(*dots, strict=True), "o", color=_DOT, alpha=0.45, markersize=6, label="one section", rasterized=True)
    axes.plot(*zip(*means, strict=True), "-", marker="_", markersize=16, color=_MEAN, linewidth=1.8, label="mean")
    for iteration, mean in means if len(means) <= LABELLED else [means[0], means[-1]]:
        axes.annotate(f"{mean:.1f}", (iteration, mean), (12, 6), textcoords="offset points", color=INK)
    axes.set_ylabel(label)
    axes.set_ylim(bottom=0, top=1.15 * max(axes.get_ylim()[1], 1e-6))
    show_places(axes, "Iteration", [iteration for iteration, _ in means], room=0.6)
    figure.legend(loc="outside upper center", ncols=2, frameon=False, handlelength=1.9)
    return svg_uri(figure)
