"""How a bake-off's outcome is shown: a table, a plot, a page."""

from html import escape
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from rich.box import SIMPLE_HEAD
from rich.table import Table

from flows.bakeoff.plan import ALL, NONE, Plan
from flows.bakeoff.result import WITHIN, Outcome, Point, Standing
from flows.report.curve import GRID, INK, svg_uri
from loop.atomic import replacing, write_text
from loop.payoff import Curve, Estimate, mean_curve

_COLOURS = ("#1f2933", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7b8794")
_HEADINGS = (
    *("strategy", "minutes to target", "met on", "ratio to baseline", "area under curve, minus baseline's"),
    *("VOI", "Rand error", "minutes", "tasks", "corrections per 100 objects", "forecast off", ""),
)


def outcome_table(found: Outcome) -> Table:
    """Lay the standings out for a terminal of 80 columns; the page has more of them."""
    table = Table(title=_summary(found), title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("strategy", "minutes to target", "met on", "ratio to baseline", "VOI", "min"):
        table.add_column(heading, justify="left" if heading == "strategy" else "right")
    for standing in found.standings:
        name, minutes, met, ratio, _, voi, _, spent, *_ = _cells(standing, found)
        table.add_row(name, minutes, met, ratio, voi, spent)
    table.caption = "\n".join(f"{standing.contender}: {standing.verdict}" for standing in found.standings)
    table.caption_justify = "left"
    return table


def write_page(found: Outcome, plan: Plan, out: Path) -> None:
    """Write `curves.png`, `curves.svg` and `index.html`."""
    figure = _drawn(found)
    for name in ("curves.png", "curves.svg"):
        with replacing(out / name) as temporary:
            figure.savefig(temporary)
    head = "".join(f"<th>{escape(heading)}</th>" for heading in _HEADINGS)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in _cells(standing, found)) + "</tr>"
        for standing in found.standings
    )
    page = (
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>Bake-off</title>"
        "<style>body{font:16px/1.5 sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1f2933}"
        "table{border-collapse:collapse}td,th{padding:.3rem .6rem;border-bottom:1px solid #d9dfe5;text-align:right}"
        "td:first-child,td:last-child,th:first-child{text-align:left}img{max-width:100%}</style>"
        f"<h1>Which query strategy pays</h1><p>{escape(_summary(found))}</p>"
        f"<img alt='Hold-out VOI against minutes' src='{svg_uri(figure)}'>"
        f"<table><tr>{head}</tr>{rows}</table>"
        f"<p>Intervals: 95 %, bootstrap over {found.seeds} seeds, paired. Minutes are those of the effort model, for "
        f"what the oracle had to correct. {escape(plan.volume)}, hold-out {escape(plan.holdout)}.</p></html>"
    )
    write_text(out / "index.html", page)


def _summary(found: Outcome) -> str:
    return (
        f"Hold-out VOI (bits, mean of {found.seeds} seeds): {found.voi_first:.3f} to begin with, "
        f"{found.voi_no_labels:.3f} after as much training without new labels, "
        f"{found.voi_all_labels:.3f} with the whole pool labelled; target: within {100 * (WITHIN - 1):.0f} % of that"
    )


def _cells(standing: Standing, found: Outcome) -> tuple[str, ...]:
    return (
        standing.contender,
        _interval(standing.minutes_to_target, ".1f"),
        f"{standing.reached_on}/{found.seeds}",
        "" if standing.ratio is None else _interval(standing.ratio, ".2f"),
        "" if standing.area is None else _interval(standing.area, "+.3f"),
        f"{standing.voi:.3f}",
        f"{standing.adapted_rand_error:.3f}",
        f"{standing.minutes:.0f}",
        f"{standing.tasks:.1f}",
        f"{standing.corrections_first:.0f} to {standing.corrections_last:.0f}",
        "" if standing.forecast_missed is None else f"{100 * standing.forecast_missed:.0f} %",
        standing.verdict,
    )


def _interval(estimate: Estimate, form: str) -> str:
    value, low, high = (
        "more" if end is None else f"{end:{form}}" for end in (estimate.value, estimate.low, estimate.high)
    )
    return f"{value} ({low} to {high})"


def _drawn(found: Outcome) -> Figure:
    """Draw the mean of VOI and adapted Rand error over seeds against minutes, with every seed's points."""
    figure = Figure(figsize=(11, 4.4), layout="constrained")
    for axes, field, label in zip(
        figure.subplots(1, 2), ("voi", "adapted_rand_error"), ("Hold-out VOI (bits)", "Adapted Rand error"), strict=True
    ):
        names = [name for name in found.curves if name not in (ALL, NONE)]
        for name, colour in zip(names, _COLOURS * len(names), strict=False):
            curves = [_curve(points, field) for points in found.curves[name]]
            mean = mean_curve(curves)
            axes.plot(mean.minutes, mean.error, color=colour, linewidth=2, label=name)
            for curve in curves:
                axes.plot(curve.minutes, curve.error, ".", color=colour, alpha=0.3, markersize=5)
        for name, style in ((ALL, "--"), (NONE, ":")):
            last = float(np.mean([getattr(points[-1], field) for points in found.curves[name]]))
            axes.axhline(last, linestyle=style, color=INK, linewidth=1.2, label=f"{name}, after the last turn")
        axes.set_xlabel("Annotator's minutes")
        axes.set_ylabel(label)
        axes.grid(axis="y", color=GRID, linewidth=0.8)
        axes.spines[["top", "right"]].set_visible(False)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside right upper", frameon=False)
    return figure


def _curve(points: tuple[Point, ...], field: str) -> Curve:
    return Curve(np.array([point.minutes for point in points]), np.array([getattr(point, field) for point in points]))
