"""What an annotator said about a section by strokes, points and a verdict, read from Label Studio's results."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.client import brush
from annotation.drawn import brush_value, drawn, misplaced
from annotation.layer import is_layer
from annotation.project import (
    CUT,
    GROW,
    HELP,
    JOIN,
    POINTS,
    REMOVE,
    STROKES,
    UNSURE,
    VERDICT,
    VERDICTS,
)
from annotation.spots import is_spot

OPAQUE = 127  # alpha above this is stroke: the browser blurs its edge
_STROKES, _POINTS = (CUT, JOIN, UNSURE), (GROW, REMOVE)


@dataclass(frozen=True)
class Stroke:
    """A brush region; it may hold several strokes that do not touch.

    Attributes
    ----------
    region_id, label : str
    mask : (y, x) bool
    """

    region_id: str
    label: str
    mask: NDArray[np.bool_] = field(compare=False)


@dataclass(frozen=True)
class Point:
    """A key point: the pixel that was clicked."""

    region_id: str
    label: str
    y: int
    x: int


@dataclass(frozen=True)
class Marks:
    """All marks of an annotation; the verdict is None where none was given."""

    strokes: list[Stroke] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    verdict: str | None = None


def parse_marks(result: object, shape: tuple[int, int]) -> tuple[Marks, list[tuple[str, str]], object]:
    """Take the marks out of an annotation's result.

    Parameters
    ----------
    result : object
        What the server holds; anything at all.
    shape : (height, width)

    Returns
    -------
    marks : Marks
    faults : list of (region id, reason)
        Every mark that cannot be used, with every reason.
    rest : object
        The result without its marks, our own circles and our layer: what `annotation.regions.parse_regions` reads.
    """
    if not isinstance(result, list):
        return Marks(), [], result
    rest: list[object] = []
    faults: list[tuple[str, str]] = []
    strokes: list[Stroke] = []
    points: list[Point] = []
    verdicts: list[str] = []
    for item in result:
        if is_spot(item) or is_layer(item):
            continue
        kind = item.get("type") if isinstance(item, dict) else None
        if not isinstance(item, dict) or not isinstance(kind, str) or kind not in _CHECKS:
            rest.append(item)
            continue
        if item.get("from_name") == HELP:  # a question to the prediction service: its answer has come as an outline
            continue
        name = str(item.get("id", ""))
        reasons = [*misplaced(item), *_CHECKS[kind](item, shape)]
        faults += [(name, reason) for reason in reasons]
        if reasons:
            continue
        value = item["value"]
        if kind == "choices":
            verdicts += value["choices"]
        elif kind == "keypointlabels":
            x, y = (min(int(value[axis] / 100 * side), side - 1) for axis, side in zip("xy", shape[::-1], strict=True))
            points.append(Point(name, value["keypointlabels"][0], y, x))
        else:
            alpha = decoded(value["rle"], shape)
            if alpha is None:
                faults.append((name, "its stroke cannot be decoded"))
            else:
                strokes.append(Stroke(name, value["brushlabels"][0], alpha > OPAQUE))
    return Marks(strokes, points, verdicts[-1] if verdicts else None), faults, rest


def stroke_result(name: str, label: str, mask: NDArray[np.bool_]) -> dict[str, object]:
    """Give a brush region as the browser would have made it."""
    return drawn(name, "brushlabels", control=STROKES, value=brush_value(mask, label), shape=mask.shape)


def point_result(name: str, label: str, yx: tuple[int, int], shape: tuple[int, int]) -> dict[str, object]:
    """Give a key point in the middle of a pixel as the browser would have made it."""
    x, y = (100 * (place + 0.5) / side for place, side in zip(yx[::-1], shape[::-1], strict=True))
    value = {"x": x, "y": y, "width": 0.5, "keypointlabels": [label]}
    return drawn(name, "keypointlabels", control=POINTS, value=value, shape=shape)


def _stroke_faults(item: dict[str, Any], shape: tuple[int, int]) -> Iterator[str]:
    value = item.get("value")
    if not isinstance(value, dict):
        yield "it has no value"
        return
    yield from _label_faults(value.get("brushlabels"), _STROKES)
    yield from code_faults(value.get("rle"), shape)


def code_faults(rle: object, shape: tuple[int, int]) -> Iterator[str]:
    """Say what is wrong with the run-length code of a stroke, before memory is taken for its pixels."""
    if not isinstance(rle, list) or not all(isinstance(byte, int) and 0 <= byte <= 255 for byte in rle):
        yield "its stroke is not a list of bytes"
    elif int.from_bytes(bytes(rle[:4]), "big") != 4 * shape[0] * shape[1]:
        yield "its stroke is not of the section's size"


def _point_faults(item: dict[str, Any], _: tuple[int, int]) -> Iterator[str]:
    value = item.get("value")
    if not isinstance(value, dict):
        yield "it has no value"
        return
    yield from _label_faults(value.get("keypointlabels"), _POINTS)
    for axis in ("x", "y"):
        place = value.get(axis)
        if not isinstance(place, int | float) or isinstance(place, bool) or not 0 <= place <= 100:  # NaN fails too
            yield f"its {axis} is {place!r}, no place in the image"


def _choice_faults(item: dict[str, Any], _: tuple[int, int]) -> Iterator[str]:
    value = item.get("value")
    if item.get("from_name") != VERDICT:
        yield f"it answers {item.get('from_name')!r}, not {VERDICT!r}"
    yield from _label_faults(value.get("choices") if isinstance(value, dict) else None, VERDICTS)


def _label_faults(labels: object, known: tuple[str, ...]) -> Iterator[str]:
    if not isinstance(labels, list) or len(labels) != 1 or labels[0] not in known:
        yield f"its labels are {labels!r}, not one of {', '.join(known)}"


def decoded(rle: list[int], shape: tuple[int, int]) -> NDArray[np.uint8] | None:
    """Give the alpha channel of a stroke without `code_faults`, or None where the code is damaged."""
    try:
        channels = np.asarray(brush().decode_rle(rle), np.uint8)
    except (ValueError, IndexError, OverflowError):
        return None
    return channels.reshape(*shape, 4)[..., 3]


_CHECKS: dict[str, Callable[[dict[str, Any], tuple[int, int]], Iterator[str]]] = {
    "brushlabels": _stroke_faults,
    "keypointlabels": _point_faults,
    "choices": _choice_faults,
}
