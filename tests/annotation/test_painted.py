import base64
import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from annotation.client import LabelStudio
from annotation.contours import EXACT, contours_of
from annotation.correction import PreAnnotation, correct
from annotation.ingest import ingest
from annotation.painted import bitmask_region, brush_region, parse_painted
from annotation.preparing import Style
from annotation.project import Drawing
from annotation.publish import publish
from annotation.returning import send_back
from annotation.server import Server
from tests.annotation.sections import cells, task

PAINTERS = [brush_region, bitmask_region]


def two_squares() -> PreAnnotation:
    labels = np.zeros((20, 30), np.uint32)
    labels[4:10, 4:10], labels[4:10, 10:16] = 7, 9
    return PreAnnotation(1, labels, contours_of(labels, EXACT))


def mask(rows: slice, columns: slice) -> NDArray[np.bool_]:
    drawn = np.zeros((20, 30), np.bool_)
    drawn[rows, columns] = True
    return drawn


@pytest.mark.parametrize("paint", PAINTERS)
def test_an_object_that_comes_back_with_its_pixels_is_untouched(paint: Any) -> None:
    before = two_squares()
    result = [paint("z1-o7-p0", before.labels == 7), paint("z1-o9-p0", before.labels == 9)]
    regions, faults, rest = parse_painted(result, before)
    assert (faults, rest) == ([], [])
    correction = correct(before, regions)
    assert correction.kept == 2
    assert np.array_equal(correction.labels, before.labels)


@pytest.mark.parametrize("paint", PAINTERS)
def test_a_repainted_object_has_the_painted_pixels_and_its_neighbour_keeps_the_rest(paint: Any) -> None:
    before = two_squares()
    new = mask(np.s_[4:12], np.s_[3:11])
    new[15, 20] = True  # a drop of paint elsewhere
    new[6, 6] = False
    regions, _, _ = parse_painted([paint("z1-o7-p0", new), paint("z1-o9-p0", before.labels == 9)], before)
    correction = correct(before, regions)
    expected = np.where(before.labels == 9, 9, 0)
    expected[new] = 7
    assert np.array_equal(correction.labels, expected)
    assert (correction.kept, correction.changed) == (1, 1)


@pytest.mark.parametrize("paint", PAINTERS)
def test_a_new_painted_object_is_added_to_the_pixel(paint: Any) -> None:
    before = two_squares()
    drawn = mask(np.s_[12:18], np.s_[2:28])
    drawn[14, 5] = False
    whole = [paint("z1-o7-p0", before.labels == 7), paint("z1-o9-p0", before.labels == 9), paint("xY3", drawn)]
    correction = correct(before, parse_painted(whole, before)[0])
    assert np.array_equal(correction.labels, np.where(drawn, 10, before.labels))


def small_png() -> str:
    stream = io.BytesIO()
    Image.new("LA", (3, 3)).save(stream, "png")
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (brush_region("a", mask(np.s_[0:0], np.s_[0:0])), "it is empty"),
        (brush_region("a", mask(np.s_[1:3], np.s_[1:3])) | {"value": None}, "it has no value"),
        (brush_region("a", mask(np.s_[1:3], np.s_[1:3])) | {"to_name": "before"}, "it lies on 'before'"),
        (brush_region("a", np.ones((4, 4), np.bool_)), "not of the section's size"),
        (bitmask_region("a", np.ones((4, 4), np.bool_)), "has 4 x 4 pixels"),
        (bitmask_region("a", mask(np.s_[1:3], np.s_[1:3])) | {"value": {"imageDataURL": 3}}, "not a PNG"),
        (
            bitmask_region("a", mask(np.s_[1:3], np.s_[1:3]))
            | {"value": {"imageDataURL": "data:image/png;base64,AAAA", "bitmasklabels": ["Object"]}},
            "cannot be decoded",
        ),
        (
            bitmask_region("a", mask(np.s_[1:3], np.s_[1:3]))
            | {"value": {"imageDataURL": small_png(), "bitmasklabels": ["Object"]}},
            "has 3 x 3 pixels",
        ),
    ],
)
def test_a_bad_painted_region_is_named_and_its_neighbours_are_taken(item: dict[str, object], reason: str) -> None:
    before = two_squares()
    good = brush_region("z1-o7-p0", before.labels == 7)
    regions, faults, _ = parse_painted([item, good], before)
    assert [region.region_id for region in regions] == ["z1-o7-p0"]
    assert any(reason in fault for _, fault in faults)


@pytest.mark.parametrize(("drawing", "iteration"), [("exact", 70), ("brush", 71), ("bitmask", 72)])
def test_untouched_sections_come_back_pixel_identical_however_they_are_drawn(
    server: Server, client: LabelStudio, drawing: Drawing, iteration: int
) -> None:
    own = replace(server, project=f"drawn by {drawing}")  # a project has one labelling interface
    (number,) = publish(own, [task(4, iteration)], style=Style(drawing))
    (prediction,) = client.predictions.list(task=number)
    regions: list[dict[str, Any]] = [dict(region) for region in prediction.result]
    client.annotations.create(number, result=regions)
    harvest = ingest(own, set())
    (submission,) = [one for one in harvest.submissions if one.task_id == number]
    assert not [fault for fault in harvest.faults if fault.task_id == number]
    assert np.array_equal(submission.labels, cells(4))
    assert (submission.kept, submission.changed, submission.added) == (len(regions), 0, 0)


@pytest.mark.parametrize(("drawing", "iteration"), [("brush", 73), ("bitmask", 74)])
def test_a_painted_object_that_came_back_damaged_is_shown_again_as_it_was_published(
    server: Server, client: LabelStudio, drawing: Drawing, iteration: int
) -> None:
    own = replace(server, project=f"drawn by {drawing}")
    (number,) = publish(own, [task(5, iteration)], style=Style(drawing))
    (prediction,) = client.predictions.list(task=number)
    published = {region["id"]: region for region in map(dict, prediction.result)}
    first, second, *others = published.values()
    damaged = first | {"value": {kind: value for kind, value in first["value"].items() if kind.endswith("labels")}}
    answer: Any = [damaged, *others]  # and the second was deleted on purpose
    annotation = int(client.annotations.create(number, result=answer).id or 0)
    faults = [fault for fault in ingest(own, set()).faults if fault.task_id == number]
    assert {fault.region_id for fault in faults} == {first["id"]}
    assert send_back(own, number, annotation, reason="Look again.", refused={fault.region_id for fault in faults})
    (shown,) = client.predictions.list(task=number)
    kept = {name: region for name, region in published.items() if name != second["id"]}
    assert {region["id"]: region for region in map(dict, shown.result)} == kept
