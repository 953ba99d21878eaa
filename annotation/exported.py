"""What people drew in any Label Studio project, from its JSON or JSON_MIN export: masks and points of sections."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.marks import OPAQUE, code_faults, decoded
from annotation.rasterising import paint
from loop.errors import InputError

_KINDS = {"polygonlabels": "polygon", "brushlabels": "brush", "keypointlabels": "point"}
_LABELS = {"polygon": "polygonlabels", "brush": "brushlabels", "point": "keypointlabels"}
_TOLD = 5


@dataclass(frozen=True)
class ExportedPoint:
    """A key point: the pixel that was clicked, and its name: the text written at it, else its label."""

    z: int
    y: int
    x: int
    name: str


@dataclass
class Export:
    """What an export holds.

    Attributes
    ----------
    masks : dict of section to bool (y, x)
        All polygons and brush strokes of a section together.
    points : list of ExportedPoint
    """

    masks: dict[int, NDArray[np.bool_]] = field(default_factory=dict)
    points: list[ExportedPoint] = field(default_factory=list)


@dataclass(frozen=True)
class _Item:
    kind: str
    task: object
    region: object
    z: int
    value: Mapping[str, Any]
    size: tuple[object, object]
    text: str


def read_export(path: Path, shape: tuple[int, int, int]) -> Export:
    """Read an export of Label Studio.

    Parameters
    ----------
    path : Path
        JSON (of several annotations of a task the newest counts, cancelled ones do not) or JSON_MIN. Which section a
        task shows is said by `z` in its data.
    shape : (z, y, x)
        Of the volume whose sections were shown, whole.

    Returns
    -------
    Export
        Polygons are filled as the browser shows them (`annotation.rasterising`).

    Raises
    ------
    InputError
        No export, a task of an unknown section, or regions that cannot be used; each is named with its task.
    """
    found, faults = Export(), list[str]()
    for item in _items(path, shape[0]):
        reasons = list(_faults(item, shape))
        faults += [f"task {item.task} region {item.region}: {reason}" for reason in reasons]
        if reasons:
            continue
        if item.kind == "point":
            found.points.append(_point(item, shape))
            continue
        mask = found.masks.setdefault(item.z, np.zeros(shape[1:], np.bool_))
        mask |= _polygon(item, shape) if item.kind == "polygon" else _brush(item, shape)
    if faults:
        more = f"; and {len(faults) - _TOLD} more" if len(faults) > _TOLD else ""
        raise InputError(
            f"{path} holds regions that cannot be used",
            given="; ".join(faults[:_TOLD]) + more,
            expected=f"polygons, brush strokes and key points on whole sections of {shape[1]} x {shape[2]} px",
            fix="mend or delete them in Label Studio and export again",
        )
    return found


def _items(path: Path, n_sections: int) -> Iterator[_Item]:
    try:
        tasks = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _no_export(path, str(error)) from error
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise _no_export(path, "no list of tasks")
    for task in tasks:
        regions = list(_regions(task))
        if regions:
            z = _section(path, task, n_sections)
            yield from (_item(kind, task, number, region, z) for number, (kind, region) in enumerate(regions))


def _regions(task: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give the regions of a task with their kind, whichever of the two exports it is of."""
    if "annotations" in task:
        answers = [one for one in task["annotations"] if isinstance(one, dict) and not one.get("was_cancelled")]
        if answers:
            newest = max(answers, key=lambda one: (str(one.get("updated_at", "")), int(one.get("id") or 0)))
            for region in newest.get("result") or []:
                kind = _KINDS.get(str(region.get("type"))) if isinstance(region, dict) else None
                if kind:
                    yield kind, region
        return
    for some in task.values():
        for region in some if isinstance(some, list) else []:
            kinds = [kind for name, kind in _KINDS.items() if isinstance(region, dict) and name in region]
            if kinds:
                yield kinds[0], {**region, "value": region}


def _item(kind: str, task: Mapping[str, Any], number: int, region: Mapping[str, Any], z: int) -> _Item:
    value = region.get("value")
    value = value if isinstance(value, dict) else {}
    meta = region.get("meta")
    text = meta.get("text") if isinstance(meta, dict) else None
    words = " ".join(map(str, text)) if isinstance(text, list) else str(text or "")
    labels = value.get(_LABELS[kind])
    name = words.strip() or (str(labels[0]) if isinstance(labels, list) and labels else "")
    size = (region.get("original_height"), region.get("original_width"))
    return _Item(kind, task.get("id", "?"), region.get("id", f"#{number}"), z, value, size, name)


def _section(path: Path, task: Mapping[str, Any], n_sections: int) -> int:
    data = task.get("data") if "annotations" in task else task
    z = data.get("z") if isinstance(data, dict) else None
    if not str(z).isdecimal() or int(str(z)) >= n_sections:
        raise InputError(
            f"{path} does not say which section a task shows",
            given=f"task {task.get('id', '?')} with z {z!r}",
            expected=f"a whole number z in its data, from 0 to {n_sections - 1}",
            fix="import tasks with a field z, or add it to the export",
        )
    return int(str(z))


def _faults(item: _Item, shape: tuple[int, int, int]) -> Iterator[str]:
    if item.size != (None, None) and item.size != shape[1:]:
        yield f"it was drawn on a picture of {item.size[0]} x {item.size[1]} px"
    if item.kind == "brush":
        yield from code_faults(item.value.get("rle"), (shape[1], shape[2]))
    elif item.kind == "polygon":
        points = item.value.get("points")
        if not isinstance(points, list) or len(points) < 3 or not all(map(_is_place, points)):
            yield "it is no polygon of three points or more"
    elif not _is_place([item.value.get("x"), item.value.get("y")]):
        yield "it has no place in the picture"
    elif not item.text:
        yield "it has neither label nor text"


def _is_place(point: object) -> bool:
    return (
        isinstance(point, list)
        and len(point) == 2
        and all(isinstance(v, int | float) and math.isfinite(v) and -100 <= v <= 200 for v in point)
    )


def _polygon(item: _Item, shape: tuple[int, int, int]) -> NDArray[np.bool_]:
    points = np.array(item.value["points"], np.float64) * (shape[2] / 100, shape[1] / 100)
    return paint([points], np.ones(1, np.uint32), (shape[1], shape[2])) > 0


def _brush(item: _Item, shape: tuple[int, int, int]) -> NDArray[np.bool_]:
    alpha = decoded(item.value["rle"], (shape[1], shape[2]))
    if alpha is None:
        raise InputError(
            "a brush stroke cannot be decoded",
            given=f"task {item.task} region {item.region}",
            expected="Label Studio's run lengths",
            fix="export again",
        )
    return np.asarray(alpha > OPAQUE, np.bool_)


def _point(item: _Item, shape: tuple[int, int, int]) -> ExportedPoint:
    y, x = (
        min(max(int(item.value[axis] * size / 100), 0), size - 1) for axis, size in zip("yx", shape[1:], strict=True)
    )
    return ExportedPoint(item.z, y, x, item.text)


def _no_export(path: Path, given: str) -> InputError:
    return InputError(
        f"{path} is no export of Label Studio",
        given=given,
        expected="a JSON or JSON_MIN export: a list of tasks",
        fix="export the project again as JSON",
    )
