"""The learning curves: hold-out measures against iterations and against labelled sections, with intervals."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator

from flows.summary import Measured
from loop.stopping import Advice

INK, GRID = "#1f2933", "#7b87944d"
_GREEN = "#00805a"
LABELLED = 8
"""More points than that are not all labelled."""
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "path",
    "svg.hashsalt": "proofloop",
    "axes.facecolor": "none",
    "font.size": 10.5,
    "axes.edgecolor": "#7b8794",
    "text.color": INK,
}


@dataclass(frozen=True)
class _Measures:
    """What a curve shows: the main line first."""

    label: str
    digits: int
    lines: tuple[tuple[str, str, str, str, str], ...]
    """Legend, field of Agreement, colour (told apart by the colour-blind too), line and marker."""


_VOI = _Measures(
    "Hold-out VOI (bits)",
    2,
    (
        ("split + merge", "voi", INK, "-", "o"),
        ("split", "voi_split", "#0072b2", "--", "^"),
        ("merge", "voi_merge", "#d55e00", ":", "s"),
    ),
)
_RAND = _Measures(
    "Hold-out adapted Rand error", 3, (("adapted Rand error", "adapted_rand_error", "#8a3b8f", "-", "o"),)
)


def voi_by_iteration(measured: Measured) -> str:
    """Draw VOI against the iteration, with promoted models marked; the picture is a data URI of an SVG."""
    return svg_uri(_by_iteration(measured, _VOI))


def rand_by_iteration(measured: Measured) -> str:
    """Draw the adapted Rand error against the iteration; the picture is a data URI of an SVG."""
    return svg_uri(_by_iteration(measured, _RAND))


def voi_by_sections(measured: Measured, advice: Advice) -> str:
    """Draw VOI against the number of labelled sections, and what the next are expected to bring, as an SVG."""
    places = [turn.labelled_sections for turn, _ in measured]
    figure, axes = blank(3.5)
    _draw(axes, measured, places, _VOI)
    if advice.forecast is not None and advice.sections_more is not None:
        then, expected = round(places[-1] + advice.sections_more), advice.forecast
        axes.plot([places[-1], then], [measured[-1][1].voi, expected.value], color=_GREEN, linewidth=1)
        axes.errorbar(then, expected.value, expected.plus_minus, fmt="D", color=_GREEN, capsize=4, label="forecast")
        places.append(then)
    _finish(figure, axes, "Labelled sections in training", places)
    return svg_uri(figure)


def voi_picture(measured: Measured) -> str:
    """Draw VOI against the iteration for pages that show no SVG; a data URI of a PNG of some 20 kB."""
    stream = io.BytesIO()
    _by_iteration(measured, _VOI).savefig(stream, format="png", dpi=100, facecolor="white")
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def _by_iteration(measured: Measured, measures: _Measures) -> Figure:
    places = [turn.iteration for turn, _ in measured]
    figure, axes = blank(3.5)
    _draw(axes, measured, places, measures)
    _finish(figure, axes, "Iteration", places)
    return figure


def _draw(axes: Axes, measured: Measured, places: list[int], measures: _Measures) -> None:
    """Draw lines with intervals, rings around what was promoted, and the values of the main line."""
    for name, measure, colour, line, marker in measures.lines:
        heights = [getattr(agreement, measure) for _, agreement in measured]
        axes.plot(places, heights, line, color=colour, marker=marker, markersize=4.5, linewidth=1.8, label=name)
        sure = [(place, turn.interval(measure)) for place, (turn, _) in zip(places, measured, strict=True)]
        for place, ends in sure:
            if ends is not None:
                axes.vlines(place, *ends, color=colour, alpha=0.45, linewidth=4)
    main = measures.lines[0][1]
    shown = [(place, getattr(agreement, main), turn) for place, (turn, agreement) in zip(places, measured, strict=True)]
    ringed = [(place, height) for place, height, turn in shown if turn.stands]
    if ringed:
        axes.plot(*zip(*ringed, strict=True), "o", markersize=11, mfc="none", mec=_GREEN, label="promoted")
    for place, height, turn in shown if len(shown) <= LABELLED else [shown[0], shown[-1]]:
        top = max(height, *(turn.interval(main) or (height, height)))
        said = f"{height:.{measures.digits}f}"
        axes.annotate(said, (place, top), (0, 6), textcoords="offset points", ha="center", color=INK)
    axes.set_ylabel(measures.label)


def _finish(figure: Figure, axes: Axes, label: str, places: list[int]) -> None:
    axes.set_ylim(bottom=0, top=1.15 * max(axes.dataLim.ymax, 1e-6))
    show_places(axes, label, places)
    figure.legend(loc="outside upper center", ncols=5, frameon=False, handlelength=1.6, columnspacing=1.0)


def show_places(axes: Axes, label: str, places: Sequence[int], *, room: float = 0.1) -> None:
    """Name the places along x, and leave at least some room beside the first and last."""
    axes.set_xlabel(label)
    axes.xaxis.set_major_locator(FixedLocator(list(places)) if len(places) <= LABELLED else MaxNLocator(integer=True))
    room = 0.5 if len(set(places)) == 1 else max(room, 0.08 * (max(places) - min(places)))
    axes.set_xlim(min(places) - room, max(places) + room)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)


def blank(height_in: float) -> tuple[Figure, Axes]:
    """Give an empty figure of the page's width with a clear ground."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(5.2, height_in), layout="constrained", facecolor="none", dpi=150)
        return figure, figure.add_subplot()


def svg_uri(figure: Figure) -> str:
    """Give a figure as the data URI of an SVG, the same for the same figure."""
    stream = io.BytesIO()
    with mpl.rc_context(_STYLE):
        FigureCanvasSVG(figure).print_svg(stream, metadata={"Date": None, "Creator": None})  # type: ignore[no-untyped-call]
    return "data:image/svg+xml;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
