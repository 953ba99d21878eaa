"""The prediction service asked by a real Label Studio."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import ThreadingHTTPServer
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from annotation import prediction_service, published
from annotation.boundaries import pieces_of
from annotation.client import LabelStudio
from annotation.correction import PreAnnotation
from annotation.ingest import ingest
from annotation.layer import is_layer
from annotation.painted import parse_painted
from annotation.prediction_service import Helper, answer, basic_credentials
from annotation.preparing import Style
from annotation.project import HELP, PRE_ANNOTATION_VERSION, Drawing, ensure_project
from annotation.publish import publish
from annotation.rasterising import paint
from annotation.regions import parse_regions
from annotation.server import Server
from loop.errors import InputError
from tests.annotation.sections import SIZE, cells, task

PASSWORD = "open sesame"


def membrane_of(z: int) -> NDArray[np.float32]:
    """Walls where the cells of section z have theirs; only sections below 10 are predicted."""
    if z >= 10:
        raise InputError("not predicted", given=z, expected="below 10", fix="predict it")
    return np.where(cells(z) > 0, 0.1, 0.9).astype(np.float32)


def objects_of(membrane: NDArray[np.float32]) -> NDArray[np.uint32]:
    """All cells but number 1 of section 3, which the model misses."""
    for z in range(10):
        if membrane.shape == (SIZE, SIZE) and np.array_equal(membrane, membrane_of(z)):
            return np.where(cells(z) == 1, 0, cells(z)).astype(np.uint32)
    return (membrane < 0.5).astype(np.uint32)


SHA256 = "5a" * 32
KEPT: dict[int, PreAnnotation] = {}
"""What was kept last of each iteration."""
HELPER = Helper(
    lambda: "iteration 4", membrane_of, objects_of, lambda: SHA256, KEPT.__setitem__, Style(outlines_at_most=5)
)


def asked(z: int, *clicks: tuple[int, int], helper: Helper = HELPER, **data: Any) -> list[dict[str, Any]]:
    """Ask for section z without a server, clicking at pixels (y, x); give the regions."""
    context = {"result": [click(*at) for at in clicks]} if clicks else None
    request = {"tasks": [{"data": {"z": z, "iteration": 80} | data}], "params": {"context": context}}
    found = answer(helper, "/predict", request)
    assert found is not None
    (only,) = found["results"]
    assert only["model_version"] == "iteration 4"
    regions: list[dict[str, Any]] = only["result"]
    return regions


def click(y: int, x: int) -> dict[str, Any]:
    """Give a smart key point as the browser sends it."""
    value = {"x": 100 * (x + 0.5) / SIZE, "y": 100 * (y + 0.5) / SIZE, "width": 0.5, "keypointlabels": ["Outline this"]}
    place = {"original_width": SIZE, "original_height": SIZE, "image_rotation": 0}
    return {"id": "q", "type": "keypointlabels", "from_name": HELP, "to_name": "section", "value": value} | place


def painted(regions: list[dict[str, Any]]) -> NDArray[np.bool_]:
    parsed, faults = parse_regions(regions, (SIZE, SIZE))
    assert faults == []
    return paint([one.points for one in parsed], np.ones(len(parsed), np.uint32), (SIZE, SIZE)) > 0


def middle_of(mask: NDArray[np.bool_]) -> tuple[int, int]:
    y, x = np.argwhere(mask)[mask.sum() // 2]
    return int(y), int(x)


def iou(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return float((one & other).sum() / (one | other).sum())


def test_without_a_click_every_object_of_the_section_comes_afresh_the_sure_ones_as_one_layer() -> None:
    layer, *outlines = asked(3)
    assert (is_layer(layer), len(outlines)) == (True, 5)
    assert {region["id"].partition("-v")[2] for region in (layer, *outlines)} == {KEPT[80].version}
    assert KEPT[80].version.startswith(SHA256[:8])
    assert np.array_equal(KEPT[80].labels, np.where(cells(3) == 1, 0, cells(3)))
    sure = np.isin(pieces_of(KEPT[80].labels), [number + 1 for number in KEPT[80].layered])
    assert iou(painted(outlines) | sure, cells(3) > 1) > 0.97


@pytest.mark.parametrize("drawing", ["brush", "bitmask"])
def test_where_objects_are_painted_so_is_what_is_asked_for(drawing: Drawing) -> None:
    mask = cells(3) == 5
    (region,) = asked(3, middle_of(mask), helper=replace(HELPER, style=Style(drawing)))
    assert region["type"] == f"{drawing}labels"
    (read,), faults, _ = parse_painted([region], PreAnnotation(3, cells(3), []))
    assert not faults
    assert iou(paint([read.points], np.ones(1, np.uint32), mask.shape) > 0, mask) > 0.95


def test_a_click_gives_the_object_under_it() -> None:
    mask = cells(3) == 5
    assert iou(painted(asked(3, middle_of(mask))), mask) > 0.95


def test_a_click_beside_an_object_means_it() -> None:
    mask = cells(3) == 5
    y, x = next((y, x) for y, x in np.argwhere(mask) if x < SIZE - 3 and cells(3)[y, x + 1] == 0)
    assert iou(painted(asked(3, (int(y), int(x) + 1))), mask) > 0.95


def test_a_click_into_an_object_that_the_model_missed_grows_it() -> None:
    mask = cells(3) == 1
    assert iou(painted(asked(3, middle_of(mask))), mask) > 0.7


def test_a_tile_is_asked_in_its_own_pixels() -> None:
    regions = asked(4, tile=[0, 0, 40, 32], picture=[0, 0, 48, 40])
    assert {(region["original_height"], region["original_width"]) for region in regions} == {(48, 40)}
    assert np.array_equal(KEPT[80].labels[:40, :32], objects_of(membrane_of(4))[:40, :32])
    assert not KEPT[80].labels[40:].any()
    assert not KEPT[80].labels[:, 32:].any()


def test_clicked_twice_the_regions_have_other_names() -> None:
    at = middle_of(cells(3) == 5)
    assert not {region["id"] for region in asked(3, at)} & {region["id"] for region in asked(3, at)}


@pytest.mark.parametrize("data", [{"z": None}, {"z": 3}, {"z": 11, "iteration": 1}])
def test_what_cannot_be_predicted_is_refused_with_a_reason(data: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"not proofloop's|not predicted"):
        answer(HELPER, "/predict", {"tasks": [{"data": data}]})


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    """The service on a free port of loopback; gives its address."""
    handler = prediction_service.handler_of(HELPER, PASSWORD)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{web.server_address[1]}"
        web.shutdown()


@pytest.mark.parametrize("headers", [{}, {"Authorization": basic_credentials("guessed")}])
@pytest.mark.parametrize("path", ["/health", "/predict"])
def test_strangers_get_nothing(service: str, path: str, headers: dict[str, str]) -> None:
    assert httpx.get(service + path, headers=headers).status_code == 401
    assert httpx.post(service + path, headers=headers, json={"tasks": []}).status_code == 401


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/predict", b"{", 400),
        ("/predict", b"[]", 400),
        ("/predict", b"{}", 400),
        ("/predict", b'{"tasks": [3]}', 400),
        ("/predict", b'{"tasks": [{"data": {"z": 99}}]}', 422),
        ("/train", b"{}", 404),
        ("/webhook", b'{"action": "x"}', 200),
    ],
)
def test_every_request_gets_an_answer(service: str, path: str, body: bytes, status: int) -> None:
    known = {"Authorization": basic_credentials(PASSWORD)}
    assert httpx.post(service + path, headers=known, content=body).status_code == status


def test_label_studio_asks_for_an_object_and_for_fresh_outlines(
    server: Server, client: LabelStudio, service: str
) -> None:
    (number,) = publish(server, [task(3, 80)])
    project = ensure_project(client, server)
    backend = client.ml.create(
        project=project,
        url=service,
        title="test",
        auth_method="BASIC_AUTH",
        basic_auth_user=prediction_service.USER,
        basic_auth_pass=PASSWORD,
        is_interactive=True,
    )
    try:
        headers = {"Authorization": f"Token {server.token()}"}
        with httpx.Client(base_url=server.url, headers=headers, timeout=60) as http:
            mask = cells(3) == 5
            question = {"task": number, "context": {"result": [click(*middle_of(mask))]}}
            reply = http.post(f"/api/ml/{backend.id}/interactive-annotating", json=question).json()
            assert iou(painted(reply["data"]["result"]), mask) > 0.95
            chosen = {"selectedItems": {"all": False, "included": [number]}}
            done = http.post(
                "/api/dm/actions", params={"id": "retrieve_tasks_predictions", "project": project}, json=chosen
            )
            assert done.is_success, done.text
    finally:
        client.ml.delete(int(backend.id or 0))
    # What is shown first stays what was published; the fresh outlines stand beside it and can be chosen.
    assert client.projects.get(id=project).model_version == PRE_ANNOTATION_VERSION
    fresh = next(one for one in client.predictions.list(task=number) if one.model_version == "iteration 4")
    published.store(server.directory, 80, KEPT[80])
    result = [dict(region) for region in fresh.result]
    client.annotations.create(number, result=[*result, click(1, 1)], lead_time=1.0)
    harvest = ingest(server, set())
    assert not [fault for fault in harvest.faults if fault.task_id == number]  # nor is the question itself one
    (submission,) = (found for found in harvest.submissions if found.task_id == number)
    assert np.array_equal(submission.labels, objects_of(membrane_of(3)))  # the layer's are the fresh ones as well
    assert (submission.version, submission.added, submission.deleted) == (KEPT[80].version, 0, 0)
