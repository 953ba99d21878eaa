"""The learning curve: hold-out VOI against iterations and against labelled sections."""

import base64
import io
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator

from flows.summary import IterationSummary
from loop.metrics import Agreement

INK, GRID = "#1f2933", "#d9dfe5"
LINES = (
    ("split + merge", "voi", "#1f2933", "-", "o"),
    ("split", "voi_split", "#0072b2", "--", "^"),
    ("merge", "voi_merge", "#d55e00", ":", "s"),
)
"""Legend, field of Agreement, colour (told apart by the colour-blind too), line and marker."""

Measured = Sequence[tuple[IterationSummary, Agreement]]


def voi_by_iteration(measured: Measured) -> str:
    """Draw VOI against the iteration, with promoted models marked; the picture is a data URI of an SVG."""
    return _curve(measured, [turn.iteration for turn, _ in measured], "Iteration")


def voi_by_sections(measured: Measured) -> str:
    """Draw VOI against the number of labelled sections; the picture is a data URI of an SVG."""
    return _curve(measured, [turn.labelled_sections for turn, _ in measured], "Labelled sections in training")


def voi_picture(measured: Measured) -> str:
    """Draw VOI against the iteration for pages that show no SVG; a data URI of a PNG of some 20 kB."""
    stream = io.BytesIO()
    figure = _figure(measured, [turn.iteration for turn, _ in measured], "Iteration")
    FigureCanvasAgg(figure).print_png(stream)  # type: ignore[no-untyped-call]
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def _curve(measured: Measured, places: list[int], label: str) -> str:
    return svg_uri(_figure(measured, places, label))


def _figure(measured: Measured, places: list[int], label: str) -> Figure:
    figure = Figure(figsize=(5.2, 3.5), layout="constrained")
    axes = figure.add_subplot()
    for name, field, colour, line, marker in LINES:
        heights = [getattr(agreement, field) for _, agreement in measured]
        axes.plot(places, heights, line, color=colour, marker=marker, markersize=4.5, linewidth=1.8, label=name)
    promoted = [
        (place, agreement.voi)
        for place, (turn, agreement) in zip(places, measured, strict=True)
        if turn.decision is not None and turn.decision.promoted
    ]
    if promoted:
        x, y = zip(*promoted, strict=True)
        axes.plot(x, y, "o", markersize=11, markerfacecolor="none", markeredgecolor="#00805a", label="promoted")
    for place, (_, agreement) in zip(places, measured, strict=True):
        axes.annotate(
            f"{agreement.voi:.2f}", (place, agreement.voi), (0, 10), textcoords="offset points", ha="center", color=INK
        )
    _finish(axes, label, places)
    return figure


def _finish(axes: Axes, label: str, places: list[int]) -> None:
    axes.set_xlabel(label)
    axes.set_ylabel("Hold-out VOI (bits)")
    axes.set_ylim(bottom=0, top=1.18 * axes.get_ylim()[1])
    axes.xaxis.set_major_locator(FixedLocator(places) if len(places) < 9 else MaxNLocator(integer=True))
    room = 0.5 if len(set(places)) == 1 else 0.08 * (max(places) - min(places))
    axes.set_xlim(min(places) - room, max(places) + room)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.figure.legend(loc="outside upper center", ncols=4, frameon=False, handlelength=1.9, columnspacing=1.1)


def svg_uri(figure: Figure) -> str:
    """Give a figure as the data URI of an SVG, the same for the same figure."""
    stream = io.BytesIO()
    style: dict[Any, Any] = {
        "svg.fonttype": "path",
        "svg.hashsalt": "proofloop",
        "font.size": 10.5,
        "axes.edgecolor": "#7b8794",
        "text.color": INK,
    }
    with mpl.rc_context(style):
        FigureCanvasSVG(figure).print_svg(stream, metadata={"Date": None, "Creator": None})  # type: ignore[no-untyped-call]
    return "data:image/svg+xml;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
