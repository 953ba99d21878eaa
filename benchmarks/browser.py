"""Measure the task page in headless Chromium: sections with many objects beside the same section with none.

python benchmarks/browser.py
python benchmarks/browser.py --objects 0 200 500 --repeats 5 --outlines-at-most 1000

The last draws every outline as a region of its own.

"Responsive" is the time from asking for the task's address until its three images and all outlines are there, the page
draws frames without pause, and it has answered a hotkey by marking the label. Outlines outside of the layer can be
edited, the heavier case. The tasks alternate, each in a fresh tab of one warm browser; the figures are medians. A
stroke is painted in each task, too: from the end of the stroke until its colour is on the canvas.
"""

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import BrowserContext, Page, sync_playwright

from annotation import published
from annotation.preparing import STYLE, Style
from annotation.project import connect, ensure_project, task_url
from annotation.publish import SectionTask, publish
from annotation.server import Server, down, up
from loop.phantom import make_phantom

Z = 1
ARGUMENTS = """
--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
--disable-component-update --disable-sync
"""
READY = """([count]) => {
  const store = window.Htx && window.Htx.annotationStore.selected;
  const canvas = document.querySelectorAll('.pl-target canvas').length > 0;
  const images = [...document.querySelectorAll('.pl-target img, .pl-neighbours img')];
  return canvas && store && store.regionStore.regions.length === count && images.length >= 3
    && images.every(image => image.complete && image.naturalWidth > 0);
}"""
IDLE = """() => new Promise(done => {
  let last = performance.now(), calm = 0;
  const tick = now => {
    calm = now - last < 100 ? calm + 1 : 0;
    last = now;
    calm >= 3 ? done(true) : requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
})"""
LABELLED_SOON = """() => new Promise(done => {
  const end = performance.now() + 1000;
  const tick = now => {
    const labelled = document.querySelector('.pl-tools .lsf-label_selected') !== null;
    labelled || now > end ? done(labelled) : requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
})"""


def main() -> None:
    """Publish the sections, look at them in turn, print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, nargs="+", default=[0, 200, 500], help="the first is the baseline")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--outlines-at-most", type=int, default=STYLE.outlines_at_most, help="the others are one layer")
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch) / "annotation"
        server = up(directory)
        try:
            addresses = _publish(server, options.objects, options.outlines_at_most)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS.split())
                context = browser.new_context(viewport={"width": 1600, "height": 1000})
                _log_in(context, server)
                found = _measure(context, server, addresses, options.repeats)
                browser.close()
        finally:
            down(directory)
    _print(found)


def _publish(server: Server, counts: list[int], outlines_at_most: int) -> dict[int, str]:
    """Publish the same section once for each number of objects, chosen by chance; give the addresses."""
    phantom = make_phantom((4, 1024, 1024), 3)
    truth = phantom.labels[Z].astype(np.uint32)
    membrane = np.where(truth == 0, np.random.default_rng(1).uniform(0.6, 1, truth.shape), 0).astype(np.float32)
    present = np.random.default_rng(0).permutation(np.unique(truth[truth > 0]))
    tasks = [
        SectionTask(
            z=Z,
            iteration=number,
            image=phantom.image[Z],
            before=phantom.image[Z - 1],
            after=phantom.image[Z + 1],
            labels=np.where(np.isin(truth, present[:count]), truth, 0),
            reason="Chosen to be measured.",
            score=0.5,
            membrane=membrane,
        )
        for number, count in enumerate(counts, start=1)
    ]
    numbers = publish(server, tasks, style=Style(readonly_above=1, outlines_at_most=outlines_at_most))
    with connect(server) as client:
        project = ensure_project(client, server)
    return {count: task_url(server, project, number) for count, number in zip(counts, numbers, strict=True)}


def _log_in(context: BrowserContext, server: Server) -> None:
    assert server.password_file is not None
    page = context.new_page()
    page.goto(server.url)
    page.fill("input[name=email]", server.email)
    page.fill("input[name=password]", server.password_file.read_text().strip())
    page.click("button[type=submit]")
    page.wait_for_url(lambda url: "login" not in url)
    page.close()


def _measure(
    context: BrowserContext, server: Server, addresses: dict[int, str], repeats: int
) -> dict[int, list[tuple[float, float]]]:
    """Give (seconds until responsive, seconds until a stroke shows) by number of objects; the first round warms up."""
    found: dict[int, list[tuple[float, float]]] = {count: [] for count in addresses}
    for turn in range(repeats + 1):
        for number, (count, address) in enumerate(addresses.items(), start=1):
            shown = published.load(server.directory, Z, number)
            regions = len(shown.contours) - len(shown.layered) + bool(shown.layered)
            page = context.new_page()
            page.set_default_timeout(180_000)
            seconds = _open(page, address, regions)
            stroke = _stroke(page)
            page.close()
            if turn:
                found[count].append((seconds, stroke))
    return found


def _open(page: Page, address: str, regions: int) -> float:
    began = time.monotonic()
    page.goto(address, wait_until="commit")
    page.wait_for_function(READY, arg=[regions])
    page.evaluate(IDLE)
    page.keyboard.press("2")
    while not page.evaluate(LABELLED_SOON):  # a key pressed before the page listens is lost
        page.keyboard.press("2")
    page.evaluate(IDLE)
    return time.monotonic() - began


def _place(page: Page) -> tuple[float, float, float]:
    """Give CSS pixels per pixel of the section, and where it begins on the page."""
    box = page.locator(".pl-target .konvajs-content").bounding_box()
    assert box is not None
    return box["width"] / 1024, box["x"], box["y"]


def _stroke(page: Page) -> float:
    """Paint a stroke across the section, with the label selected already; seconds until its colour shows."""
    scale, x, y = _place(page)
    row = y + scale * 100
    page.keyboard.down("Control")
    page.mouse.move(x + scale * 60, row)
    page.mouse.down()
    page.mouse.move(x + scale * 160, row, steps=10)
    began = time.monotonic()
    page.mouse.up()
    page.keyboard.up("Control")
    page.wait_for_function(
        """([x, y]) => [...document.querySelectorAll('.pl-target canvas')].some(canvas => {
          const box = canvas.getBoundingClientRect();
          const pixel = canvas.getContext('2d').getImageData(
            (x - box.x) * canvas.width / box.width, (y - box.y) * canvas.height / box.height, 1, 1).data;
          return pixel[3] > 60 && pixel[0] > 1.4 * pixel[1];
        })""",
        arg=[x + scale * 110, row],
    )
    return time.monotonic() - began


def _print(found: dict[int, list[tuple[float, float]]]) -> None:
    medians = {
        count: [statistics.median(column) for column in zip(*runs, strict=True)] for count, runs in found.items()
    }
    baseline = next(iter(medians.values()))[0]
    print("objects  responsive    ratio  stroke   (medians; all runs)")
    for count, (seconds, stroke) in medians.items():
        runs = " ".join(f"{one:.1f}" for one, _ in found[count])
        print(f"{count:7d}  {seconds:8.1f} s  {seconds / baseline:6.2f}  {stroke:.2f} s   ({runs})")


if __name__ == "__main__":
    main()
