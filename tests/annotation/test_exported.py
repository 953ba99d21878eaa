import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annotation.drawn import brush_value
from annotation.exported import ExportedPoint, read_export
from loop.errors import InputError

SHAPE = (20, 40, 80)
SIZE = {"original_height": 40, "original_width": 80}
SQUARE = {"points": [[25, 25], [50, 25], [50, 75], [25, 75]], "polygonlabels": ["bundle"]}
"""Columns 20 to 40 and rows 10 to 30."""
POINT = {"x": 51, "y": 26, "width": 0.5, "keypointlabels": ["axon 3"]}


def region(kind: str, value: dict[str, Any], name: str = "r1", **more: Any) -> dict[str, Any]:
    return {"id": name, "type": kind, "from_name": "f", "to_name": "t", "value": value, **SIZE, **more}


def full(*regions: dict[str, Any], z: Any = 12, task: int = 7, **answer: Any) -> dict[str, Any]:
    answers = [{"id": 1, "result": list(regions), **answer}] if regions else []
    return {"id": task, "data": {"z": z, "image": "a.png"}, "annotations": answers}


def written(path: Path, *tasks: Any) -> Path:
    path.write_text(json.dumps(tasks))
    return path


def test_polygons_and_brush_strokes_of_a_section_are_one_mask(tmp_path: Path) -> None:
    stroke = np.zeros(SHAPE[1:], np.bool_)
    stroke[2:6, 60:70] = True
    brush = region("brushlabels", brush_value(stroke, "bundle"), "r2")
    found = read_export(written(tmp_path / "e.json", full(region("polygonlabels", SQUARE), brush), full()), SHAPE)
    expected = stroke.copy()
    expected[10:30, 20:40] = True
    assert list(found.masks) == [12]
    assert (found.masks[12] == expected).all()


def test_the_small_export_holds_the_same(tmp_path: Path) -> None:
    small = {"id": 7, "z": 12, "image": "a.png", "label": [{**SQUARE, **SIZE}], "seeds": [{**POINT, **SIZE}]}
    found = read_export(written(tmp_path / "e.json", small), SHAPE)
    assert found.masks[12].sum() == 20 * 20
    assert found.points == [ExportedPoint(12, 10, 40, "axon 3")]


def test_a_point_is_named_by_its_text_else_by_its_label(tmp_path: Path) -> None:
    points = region("keypointlabels", POINT), region("keypointlabels", POINT, "r2", meta={"text": ["left one"]})
    found = read_export(written(tmp_path / "e.json", full(*points)), SHAPE)
    assert [point.name for point in found.points] == ["axon 3", "left one"]


def test_the_newest_answer_counts_and_a_cancelled_one_does_not(tmp_path: Path) -> None:
    task = full(region("polygonlabels", SQUARE), updated_at="2026-01-02")
    task["annotations"].append({"id": 2, "updated_at": "2026-01-01", "result": []})
    task["annotations"].append({"id": 3, "updated_at": "2026-01-03", "result": [], "was_cancelled": True})
    assert read_export(written(tmp_path / "e.json", task), SHAPE).masks[12].any()


@pytest.mark.parametrize("z", [None, "a", -1, 20, 1.5])
def test_a_task_of_an_unknown_section_is_named(tmp_path: Path, z: Any) -> None:
    with pytest.raises(InputError, match="task 7 with z"):
        read_export(written(tmp_path / "e.json", full(region("polygonlabels", SQUARE), z=z)), SHAPE)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (region("polygonlabels", {"points": [[1, 1], [2, 2]]}), "no polygon"),
        (region("polygonlabels", {"points": [[1, 1], [2, float("nan")], [3, 3]]}), "no polygon"),
        (region("polygonlabels", SQUARE) | {"original_width": 79}, "picture of 40 x 79 px"),
        (region("brushlabels", {"rle": [0, 0, 1, 0]}), "not of the section's size"),
        (region("keypointlabels", {"x": "5", "y": 1, "keypointlabels": ["a"]}), "no place"),
        (region("keypointlabels", {"x": 5, "y": 1}), "neither label nor text"),
    ],
)
def test_faults_name_task_and_region(tmp_path: Path, bad: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError, match=f"task 7 region r1: .*{reason}"):
        read_export(written(tmp_path / "e.json", full(bad)), SHAPE)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"a": 1}'])
def test_what_is_no_export_is_told_of(tmp_path: Path, text: str) -> None:
    path = tmp_path / "e.json"
    path.write_text(text)
    with pytest.raises(InputError, match="no export of Label Studio"):
        read_export(path, SHAPE)
