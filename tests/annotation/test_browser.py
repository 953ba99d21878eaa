"""The task page in a real browser, as an annotator meets it.

With PROOFLOOP_SCREENSHOTS=FOLDER the pages are kept there as PNG; they show the phantom, so they may go into the docs:

    PROOFLOOP_SCREENSHOTS=docs/images .venv/bin/python -m pytest tests/annotation/test_browser.py
"""

import io
import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import FloatRect, Locator, Page, sync_playwright

from annotation import published
from annotation.ingest import ingest
from annotation.ports import HOST
from annotation.prediction_service import USER, Helper, handler_of
from annotation.preparing import Style
from annotation.project import connect, ensure_project, task_url
from annotation.publish import SectionTask, publish
from annotation.server import Server, down, up
from loop.phantom import Phantom, make_phantom

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = """
--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
--disable-component-update --disable-sync
"""
FIRST, SECOND, THIRD = 5, 4, 3  # task 1, 2 and 3

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine to look at the page with")


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    return make_phantom((7, 256, 256), 3)


@pytest.fixture(scope="module")
def published_server(tmp_path_factory: pytest.TempPathFactory, phantom: Phantom) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("run") / "annotation"
    server = up(directory)
    reason = "Chosen because the model contradicts itself on 7 % of the pixels."
    sections = [
        SectionTask(z, 1, phantom.image[z], phantom.image[z - 1], phantom.image[z + 1], phantom.labels[z], reason, 0.5)
        for z in (FIRST, SECOND)
    ]
    membrane = (phantom.labels[THIRD] == 0).astype(np.float32)
    publish(server, sections)
    third = replace(sections[0], z=THIRD, image=phantom.image[THIRD], labels=phantom.labels[THIRD], membrane=membrane)
    publish(server, [third], style=Style(outlines_at_most=12))
    yield server
    down(directory)


@pytest.fixture
def page(published_server: Server) -> Iterator[Page]:
    """A browser that is logged in."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS.split())
        page = browser.new_page(viewport={"width": 1600, "height": 1000})
        page.set_default_timeout(60_000)
        page.goto(published_server.url)
        page.fill("input[name=email]", published_server.email)
        page.fill("input[name=password]", (published_server.directory / "secrets" / "password").read_text().strip())
        page.click("button[type=submit]")
        page.wait_for_url(lambda url: "login" not in url)
        yield page
        browser.close()


def keep(page: Page, name: str) -> None:
    folder = os.environ.get("PROOFLOOP_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png")


def pixels(page: Page, locator: Locator) -> NDArray[np.int16]:
    """Look at an element by its place: the page replaces elements as it draws, and one that is gone has no picture."""
    box = locator.bounding_box()
    if box is None:
        return np.zeros((1, 1, 3), np.int16)
    clip = FloatRect(x=box["x"], y=box["y"], width=box["width"], height=box["height"])
    return np.asarray(Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB"), np.int16)


def target(page: Page) -> Locator:
    """Give the target image once its outlines are drawn."""
    page.wait_for_selector(".pl-target canvas")
    stage = page.locator(".pl-target .konvajs-content")
    for _ in range(60):
        red, green, blue = pixels(page, stage).transpose(2, 0, 1)
        if ((green > red + 60) & (blue > red + 60)).mean() > 0.01:
            return stage
        page.wait_for_timeout(500)
    raise AssertionError("no outline was drawn within 30 s")


def test_an_annotator_finds_the_first_task_with_contours_and_neighbours_and_submits_it(
    page: Page, published_server: Server, phantom: Phantom
) -> None:
    page.click("text=proofloop")
    page.get_by_role("button", name="Label All Tasks").first.click()
    page.wait_for_selector("text=Make every outline follow its object")
    page.wait_for_timeout(1000)
    keep(page, "instruction")
    page.keyboard.press("Escape")
    page.wait_for_selector(f"text=Section {FIRST}, iteration 1")
    assert page.locator("text=contradicts itself on 7 %").is_visible()
    assert page.locator(f"text=Section {FIRST - 1} (before)").is_visible()
    assert page.locator(f"text=Section {FIRST + 1} (after)").is_visible()
    large = target(page).bounding_box()
    neighbours = [image.bounding_box() for image in page.locator(".pl-neighbours .konvajs-content").all()]
    assert large is not None
    submit = page.get_by_role("button", name="Submit").first.bounding_box()
    assert submit is not None
    assert large["y"] + large["height"] <= submit["y"]  # all of the picture is seen without scrolling
    assert len(neighbours) == 2
    assert all(box is not None and 150 < box["width"] < large["width"] / 2 for box in neighbours)
    for image in page.locator(".pl-neighbours img").all():
        assert image.evaluate("image => image.naturalWidth") == phantom.image.shape[2]
    page.wait_for_timeout(1000)
    keep(page, "task")
    page.get_by_role("button", name="Submit").first.click()
    page.wait_for_selector(f"text=Section {SECOND}, iteration 1")

    (submission,) = ingest(published_server, set()).submissions
    assert (submission.z, submission.annotator) == (FIRST, published_server.email)
    assert np.array_equal(submission.labels, phantom.labels[FIRST])
    assert submission.lead_time_s > 0


def test_a_vertex_dragged_in_the_browser_moves_the_border_there_and_nowhere_else(
    page: Page, published_server: Server, phantom: Phantom
) -> None:
    known = {submission.key for submission in ingest(published_server, set()).submissions}
    with connect(published_server) as client:
        project = ensure_project(client, published_server)
    page.goto(task_url(published_server, project, 2))
    box = target(page).bounding_box()
    assert box is not None
    corner = np.array([box["x"], box["y"]])
    scale = box["width"] / phantom.labels.shape[2]
    contours = published.load(published_server.directory, SECOND, 1).contours
    contour = max(contours, key=lambda one: np.ptp(one.points, axis=0).min())
    inside = contour.points.mean(axis=0)
    middle = np.abs(contour.points - phantom.labels.shape[2] / 2).max(axis=1).argmin()
    vertex = contour.points[middle]
    goal = vertex + 12 * (inside - vertex) / np.hypot(*(inside - vertex))
    page.mouse.click(*(corner + scale * inside))
    page.wait_for_timeout(1500)
    page.mouse.move(*(corner + scale * vertex))
    page.mouse.down()
    page.mouse.move(*(corner + scale * (vertex + goal) / 2), steps=5)
    page.mouse.move(*(corner + scale * goal), steps=5)
    page.mouse.up()
    page.wait_for_timeout(1000)
    keep(page, "edited")
    page.get_by_role("button", name="Submit").first.click()
    page.wait_for_selector("button:has-text('Update')")

    (submission,) = ingest(published_server, known).submissions
    assert (submission.changed, submission.added, submission.deleted) == (1, 0, 0)
    touched = np.argwhere(submission.labels != phantom.labels[SECOND])[:, ::-1] + 0.5
    assert len(touched) > 10
    around = np.stack([contour.points[middle - 1], vertex, contour.points[(middle + 1) % len(contour.points)], goal])
    assert (touched > around.min(axis=0) - 3).all()
    assert (touched < around.max(axis=0) + 3).all()


def test_a_stroke_painted_over_a_sure_outline_in_the_browser_cuts_its_object_and_no_other(
    page: Page, published_server: Server, phantom: Phantom
) -> None:
    known = {submission.key for submission in ingest(published_server, set()).submissions}
    with connect(published_server) as client:
        project = ensure_project(client, published_server)
    page.goto(task_url(published_server, project, 3))
    box = target(page).bounding_box()
    assert box is not None
    labels = phantom.labels[THIRD]
    before = published.load(published_server.directory, THIRD, 1)
    contour = max((before.contours[n] for n in before.layered), key=lambda one: np.ptp(one.points, axis=0).min())
    rows, columns = np.nonzero(labels == contour.object_id)
    x = np.median(columns)
    ends = np.array([(x, rows[columns == x].min() - 1), (x, rows[columns == x].max() + 2)])
    start, end = np.array([box["x"], box["y"]]) + box["width"] / labels.shape[1] * ends
    page.keyboard.press("2")
    page.keyboard.down("Control")
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=10)
    page.mouse.up()
    page.keyboard.up("Control")
    page.wait_for_timeout(1000)
    keep(page, "stroke")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Submit").first.click()
    page.wait_for_selector("button:has-text('Update')")

    harvest = ingest(published_server, known)
    (submission,) = harvest.submissions
    assert not harvest.faults
    assert (submission.cuts, submission.changed, submission.added, submission.deleted) == (1, 0, 0, 0)
    left, right = submission.labels[labels == contour.object_id][[columns.argmin(), columns.argmax()]]
    assert left != right
    assert np.array_equal(submission.labels[labels != contour.object_id], labels[labels != contour.object_id])


@pytest.fixture
def asked_model(published_server: Server, phantom: Phantom) -> Iterator[int]:
    """Section SECOND again, its largest object missing, in a project that can ask a model; gives the task."""
    truth = phantom.labels[SECOND].astype(np.uint32)
    missing = int(np.bincount(truth.ravel())[1:].argmax()) + 1
    membrane = (truth == 0).astype(np.float32)
    neighbour = phantom.image[FIRST]
    shown = np.where(truth == missing, 0, truth)
    again = SectionTask(SECOND, 2, phantom.image[SECOND], neighbour, neighbour, shown, "An object is missing.", 0.5)
    (task,) = publish(published_server, [again])
    helper = Helper(lambda: "iteration 1", lambda _: membrane, lambda _: truth, lambda: "5a" * 32, lambda *_: None)
    with ThreadingHTTPServer((HOST, 0), handler_of(helper, "open sesame")) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        with connect(published_server) as client:
            backend = client.ml.create(
                project=ensure_project(client, published_server),
                url=f"http://{HOST}:{web.server_address[1]}",
                auth_method="BASIC_AUTH",
                basic_auth_user=USER,
                basic_auth_pass="open sesame",
                is_interactive=True,
            )
            yield task
            client.ml.delete(int(backend.id or 0))
        web.shutdown()


def test_a_click_in_the_browser_is_answered_by_the_outline_of_the_object_under_it(
    page: Page, published_server: Server, phantom: Phantom, asked_model: int
) -> None:
    truth = phantom.labels[SECOND]
    missing = int(np.bincount(truth.ravel())[1:].argmax()) + 1
    with connect(published_server) as client:
        project = ensure_project(client, published_server)
    page.goto(task_url(published_server, project, asked_model))
    box = target(page).bounding_box()
    assert box is not None
    page.get_by_text("Auto-Annotation").first.click()
    tools = page.locator(".lsf-tool_smart")
    tools.first.hover()
    page.wait_for_timeout(500)
    tools.last.click()
    asking = page.locator(".lsf-label", has_text="Outline this")
    if "selected" not in str(asking.get_attribute("class")):
        asking.click()
    inside = np.argwhere(truth == missing)
    y, x = inside[len(inside) // 2] + 0.5
    scale = box["width"] / truth.shape[1]
    page.mouse.click(box["x"] + scale * x, box["y"] + scale * y)
    page.wait_for_selector("text=1 suggestions")
    page.wait_for_timeout(1000)
    keep(page, "help")
    page.locator("text=1 suggestions").locator("xpath=../..").get_by_role("button").last.click()
    page.wait_for_timeout(1000)
    page.get_by_role("button", name="Submit").first.click()
    page.wait_for_selector("button:has-text('Update')")

    submissions = ingest(published_server, set()).submissions
    (submission,) = (found for found in submissions if found.task_id == asked_model)
    assert (submission.changed, submission.added, submission.deleted) == (0, 1, 0)
    assert np.mean((submission.labels > 0) == (truth > 0)) > 0.99
