import httpx
import numpy as np
import pytest
from label_studio_sdk import LabelStudio

from annotation import published
from annotation.project import ensure_project
from annotation.publish import SectionTask, publish
from annotation.server import Server
from annotation.tasks import tasks_of
from loop.errors import InputError
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
    assert len(prediction.result) == len(published.load(server, 9, 10).contours)


def test_publishing_again_adds_nothing_and_replaces_nothing(server: Server, client: LabelStudio) -> None:
    first = publish(server, [task(1, 11), task(2, 11)])
    other = task(2, 11, labels=cells(77))
    assert publish(server, [other, task(1, 11), task(3, 11)])[:2] == first[::-1]
    assert len(tasks_of(client, ensure_project(client, server), 11)) == 3
    assert np.array_equal(published.load(server, 2, 11).labels, cells(2))


def test_a_section_may_return_in_a_later_iteration(server: Server) -> None:
    assert publish(server, [task(1, 12)]) != publish(server, [task(1, 13)])


def test_what_was_published_is_kept_to_the_pixel(server: Server) -> None:
    publish(server, [task(6, 14)])
    kept = published.load(server, 6, 14)
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
