from dataclasses import replace

import httpx
import numpy as np
import pytest

from annotation import published
from annotation.client import LabelStudio
from annotation.project import ensure_project
from annotation.publish import SectionTask, publish
from annotation.server import Server
from annotation.spots import is_spot
from annotation.tasks import tasks_of
from annotation.tile import cut_out
from loop.doubts import Spot
from loop.errors import InputError
from loop.places import Tile
from tests.annotation.sections import cells, task


def test_sections_are_served_by_rank_with_images_and_contours(server: Server, client: LabelStudio) -> None:
    numbers = publish(server, [task(9, 10), task(2, 10), task(5, 10)])
    project = ensure_project(client, server)
    held = tasks_of(client, project, 10)
    assert [(one.task_id, one.z) for one in held] == list(zip(numbers, (9, 2, 5), strict=True))
    assert client.projects.get(id=project).sampling == "Sequential sampling"
    headers = {"Authorization": f"Token {server.token()}"}
    shown = client.tasks.get(str(numbers[0])).data
    assert shown["reason"] == "It is a test."
    for name in ("image", "before", "after"):
        answer = httpx.get(server.url + shown[name], headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    (prediction,) = client.predictions.list(task=numbers[0])
    assert prediction.score == 0.5
    assert len(prediction.result) == len(published.load(server.directory, 9, 10).contours)


def test_publishing_again_adds_nothing_and_replaces_nothing(server: Server, client: LabelStudio) -> None:
    first = publish(server, [task(1, 11), task(2, 11)])
    other = task(2, 11, labels=cells(77))
    assert publish(server, [other, task(1, 11), task(3, 11)])[:2] == first[::-1]
    assert len(tasks_of(client, ensure_project(client, server), 11)) == 3
    assert np.array_equal(published.load(server.directory, 2, 11).labels, cells(2))


def test_a_task_that_somebody_works_on_is_left_as_it_is(server: Server, client: LabelStudio) -> None:
    (number,) = publish(server, [task(4, 18)])
    (before,) = client.predictions.list(task=number)
    headers = {"Authorization": f"Token {server.token()}"}
    drafted = {"result": [dict(region) for region in before.result][1:], "lead_time": 3.0}
    assert httpx.post(f"{server.url}/api/tasks/{number}/drafts", headers=headers, json=drafted).status_code == 201
    assert publish(server, [task(4, 18, labels=cells(77))]) == [number]
    assert [one.id for one in client.predictions.list(task=number)] == [before.id]
    (draft,) = httpx.get(f"{server.url}/api/tasks/{number}/drafts", headers=headers).json()
    assert len(draft["result"]) == len(before.result) - 1
    assert np.array_equal(published.load(server.directory, 4, 18).labels, cells(4))


def test_tiles_of_one_section_are_tasks_of_their_own(server: Server) -> None:
    tiles = [Tile(0, 0, 48, 48), Tile(48, 40, 48, 48)]
    numbers = publish(server, [cut_out(task(3, 19), tile, margin_px=8) for tile in tiles])
    assert len(set(numbers)) == 2
    for tile in tiles:
        kept = published.load(server.directory, 3, 19, tile=tile)
        assert kept.frame is not None
        section = kept.frame.placed(kept.labels)
        assert np.array_equal(section[tile.window], cells(3)[tile.window])
        assert np.count_nonzero(section) == np.count_nonzero(section[tile.window])


def test_circles_lie_where_the_doubt_is_and_cannot_be_moved(server: Server, client: LabelStudio) -> None:
    spot = Spot(y_px=60, x_px=50, radius_px=12)
    whole = replace(task(5, 20), spots=[spot])
    tasks = [whole, cut_out(replace(whole, z=6), Tile(40, 40, 48, 48), margin_px=8)]
    for number, (corner, side) in zip(publish(server, tasks), ((0, 96), (32, 64)), strict=True):
        (prediction,) = client.predictions.list(task=number)
        (circle,) = [dict(region) for region in prediction.result if is_spot(dict(region))]
        value = circle["value"]
        assert circle["readonly"]
        assert (value["x"] * side / 100, value["y"] * side / 100) == pytest.approx((50.5 - corner, 60.5 - corner))
        assert value["radiusX"] * side / 100 == pytest.approx(12)


def test_a_circle_outside_of_its_section_is_refused(server: Server) -> None:
    with pytest.raises(InputError, match="does not fit the labelling interface"):
        publish(server, [replace(task(5, 21), spots=[Spot(y_px=500, x_px=50, radius_px=12)])])


def test_a_section_may_return_in_a_later_iteration(server: Server) -> None:
    assert publish(server, [task(1, 12)]) != publish(server, [task(1, 13)])


def test_what_was_published_is_kept_to_the_pixel(server: Server) -> None:
    publish(server, [task(6, 14)])
    kept = published.load(server.directory, 6, 14)
    assert np.array_equal(kept.labels, cells(6))


def test_a_section_without_objects_can_be_published(server: Server) -> None:
    assert publish(server, [task(6, 15, labels=np.zeros((96, 96), np.uint32))])


@pytest.mark.parametrize(
    ("tasks", "problem"),
    [
        ([task(1, 16), task(1, 16)], "published twice"),
        ([task(1, 16), task(2, 16, labels=np.zeros((9, 9), np.uint32))], "section 2 cannot be published"),
    ],
)
def test_bad_input_publishes_nothing(
    server: Server, client: LabelStudio, tasks: list[SectionTask], problem: str
) -> None:
    with pytest.raises(InputError, match=problem):
        publish(server, tasks)
    assert not tasks_of(client, ensure_project(client, server), 16)
