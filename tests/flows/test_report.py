"""The report as its readers meet it: in words, in colours, and in a browser."""

import re
from collections.abc import Iterator
from dataclasses import replace
from html import escape
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from scipy import ndimage
from skimage import measure, segmentation

from flows.report import render_report, write_report
from flows.report_effort import minutes_by_iteration
from flows.report_pictures import matching_colours
from flows.report_words import counted, duration, percent, verdict
from flows.summarise import status_records, status_table
from flows.summary import ChosenSection, CorrectedSection, GoldAnswer, IterationSummary, RunSummary, SectionPanel
from loop.agreement import SectionAgreement
from loop.effort import Effort
from loop.gate import GateDecision
from loop.metrics import Agreement, agreement
from loop.phantom import make_phantom
from loop.places import Place, Tile

CHROMIUM = Path("/usr/bin/chromium")
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
REASON = "the model is undecided on it (entropy 0.412 bits a pixel) and contradicts itself (disagreement 0.087 of 1)"

EFFORT = Effort(
    active_s=390,
    regions_split=4,
    regions_merged=7,
    regions_reshaped=21,
    regions_added=3,
    regions_deleted=1,
    pixels_changed=12345,
    voi_split=0.21,
    voi_merge=0.102,
)

AGREED = SectionAgreement(
    matched=38, only_first=1, only_second=1, mean_iou=0.912, voi=0.0512, adapted_rand_error=0.0231, worst=[]
)


def _agreement(split: float, merge: float) -> Agreement:
    return Agreement(
        voi_split=split, voi_merge=merge, adapted_rand_error=0.2 * merge, precision=0.9, recall=0.8, dice=0.84
    )


def _turn(number: int, split: float, merge: float, *, promoted: bool = True) -> IterationSummary:
    chosen = tuple(ChosenSection(z, REASON) for z in (10 * number, 10 * number + 4))
    corrected = tuple(CorrectedSection(s.z, "oracle@localhost", 6.5, 40, 12, 3, 1, EFFORT) for s in chosen)
    reason = f"hold-out VOI {split + merge:.3f} bits, {'lower' if promoted else 'not lower'} than before"
    decision = GateDecision(promoted=promoted, reason=reason)
    return IterationSummary(number, 6 + 2 * number, 95.0, _agreement(split, merge), decision, chosen, corrected)


def _panel(z: int, threshold: float) -> SectionPanel:
    phantom = make_phantom((4, 128, 160), seed=3)
    image, truth = phantom.image[z], phantom.labels[z]
    dark = ndimage.gaussian_filter(255.0 - image, 1) / 255
    depth = ndimage.distance_transform_edt(dark < np.quantile(dark, threshold))
    found = segmentation.watershed(-depth, measure.label(depth > 2.5))
    result = agreement(found, truth, dice=0.5)
    return SectionPanel(z, image, truth, dark, found, result.voi_split, result.voi_merge)


@pytest.fixture(scope="module")
def summary() -> RunSummary:
    second = _turn(2, 0.9, 1.2, promoted=False)
    slower = CorrectedSection(
        20, "a.colleague@the-lab.example", 9.5, 40, 12, 3, 1, EFFORT, "kept", (("oracle@localhost", AGREED),)
    )
    waiting = replace(slower, state="waiting", agreements=(), strokes=17)
    known = GoldAnswer(3, "a.colleague@the-lab.example", 4.5, AGREED.model_copy(update={"mean_iou": 0.7}), AGREED)
    second = replace(second, corrected=(*second.corrected, slower, waiting), gold=(known,))
    open_turn = replace(_turn(4, 0.5, 0.31), decision=None, corrected=(), skipped=(Place(44),))
    return RunSummary(
        name="mouse-cortex-2026-spring",
        volume="/data/em/mouse/cortex/a-rather-long-folder-name/volume_of_the_second_block.h5:raw",
        shape_zyx=(64, 256, 256),
        voxel_size_nm_zyx=(30.0, 12.0, 12.0),
        holdout="54:64",
        iterations=(_turn(1, 1.0, 1.0), second, _turn(3, 0.6, 0.4), open_turn),
        best=_panel(1, 0.65),
        worst=_panel(2, 0.8),
    )


def _bare(*turns: IterationSummary) -> RunSummary:
    return RunSummary("run", "em.h5:raw", (8, 64, 64), None, "6:8", turns)


def test_the_verdict_says_how_far_voi_fell_and_what_it_cost() -> None:
    said = verdict(_bare(_turn(1, 1.0, 1.0), _turn(2, 0.7, 0.6), _turn(3, 0.5, 0.5)))
    assert said == (
        "Hold-out VOI fell from 2.00 to 1.00 bits (\N{MINUS SIGN}50\N{NO-BREAK SPACE}%) over three iterations. "
        "Six sections were corrected by oracle@localhost in 39 min."
    )


def test_the_verdict_names_tiles_where_tiles_were_asked_for() -> None:
    turn = _turn(1, 1.0, 1.0)
    tiled = tuple(replace(section, tile=Tile(0, 0, 96, 96)) for section in turn.corrected)
    assert "Two tiles were corrected" in verdict(_bare(replace(turn, corrected=tiled)))
    assert "Two tasks were corrected" in verdict(_bare(replace(turn, corrected=(tiled[0], turn.corrected[1]))))


def test_the_verdict_does_not_praise_a_run_that_got_no_better() -> None:
    said = verdict(_bare(_turn(1, 0.5, 0.5), _turn(2, 0.7, 0.6, promoted=False)))
    assert said.startswith("Hold-out VOI has not fallen over two iterations: no model was better than the first")


def test_the_verdict_waits_for_the_first_measurement_and_the_first_correction() -> None:
    assert verdict(_bare()) == "No model has been measured on the hold-out yet."
    first = verdict(_bare(replace(_turn(1, 0.5, 0.5), corrected=())))
    assert first == (
        "The first model reaches a hold-out VOI of 1.00 bits. No section has come back from annotators yet."
    )


def test_times_counts_and_changes_read_as_people_write_them() -> None:
    assert [duration(s) for s in (12, 600, 9000)] == ["12 s", "10 min", "2.5 h"]
    assert [counted(n, "section") for n in (0, 1, 2, 1200)] == [
        "no sections",
        "one section",
        "two sections",
        "1,200 sections",
    ]
    read = [percent(change).replace("\N{NO-BREAK SPACE}", " ") for change in (-0.305, 0.0, 0.2)]
    assert read == ["\N{MINUS SIGN}30 %", "0 %", "+20 %"]


def test_a_segment_has_the_hue_of_the_true_object_it_covers_most() -> None:
    truth = np.array([[1, 1, 1, 1, 0, 2, 2, 2]])
    found = np.array([[7, 7, 7, 8, 8, 9, 9, 9]])
    true_colours, found_colours = matching_colours(truth, found)
    assert found_colours[7] == true_colours[1]
    assert found_colours[9] == true_colours[2]
    assert found_colours[8] not in true_colours.values()


def test_a_merged_object_loses_its_colour_and_a_segment_over_nothing_has_none() -> None:
    true_colours, found_colours = matching_colours(np.array([[1, 1, 1, 2, 0]]), np.array([[5, 5, 5, 5, 6]]))
    assert found_colours == {5: true_colours[1]}


def test_effort_is_shown_for_every_annotation_and_skipped_sections_are_named(summary: RunSummary) -> None:
    page = render_report(summary)
    assert page.count('data-name="Pixels changed">12,345<') == 8
    assert page.count("not used</span>") == page.count("waits for review</span>") == 1
    assert page.count('data-name="Strokes">17<') == 1
    assert re.search(r"Known truth, section 3, a.colleague@.*4.5 minutes.*IoU 0.91.*as published.*IoU 0.70", page)
    assert (
        "with oracle@localhost: 38 of 40 objects matched, mean IoU 0.91, VOI 0.051 bits, adapted Rand error 0.023"
        in page
    )
    assert page.count("skipped</span>") == page.count("with annotators</span>") == 1
    assert "iteration 1 6.5, iteration 2 8.0, iteration 3 6.5" in page


def test_a_run_without_human_minutes_has_no_figure_of_them() -> None:
    assert minutes_by_iteration([replace(_turn(1, 1.0, 1.0), corrected=())]) is None


def test_the_page_and_the_programs_hear_whether_to_go_on_or_to_stop(summary: RunSummary) -> None:
    advice = summary.advice()
    assert escape(advice.said) in render_report(summary)
    assert [row["advice"]["decision"] for row in status_records(summary)][:2] == ["too few turns", "too few turns"]
    assert status_records(summary)[-1]["advice"] == advice.model_dump()
    assert advice.said in str(status_table(summary).caption)


def test_the_same_summary_gives_the_same_page(summary: RunSummary) -> None:
    assert render_report(summary) == render_report(summary)


def test_what_users_named_is_shown_as_text_never_run() -> None:
    page = render_report(replace(_bare(), name="<script>alert(1)</script>"))
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_run_without_iterations_has_a_page(tmp_path: Path) -> None:
    text = write_report(tmp_path / "report", summary=_bare()).read_text()
    assert "No iteration has begun." in text
    assert "The curve begins when" in text


def test_the_page_names_nothing_outside_itself(summary: RunSummary) -> None:
    targets = re.findall(r"""(?:src|href)\s*=\s*["']([^"']*)|url\(([^)]*)\)""", render_report(summary))
    assert len(targets) >= 10
    assert all((a or b).startswith("data:") for a, b in targets)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"no browser: {CHROMIUM} does not exist")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_opens_whole_and_alone_on_phone_and_desk(
    browser: Browser, summary: RunSummary, tmp_path: Path, width: int
) -> None:
    path = write_report(tmp_path / "report", summary=summary)
    page = browser.new_page(viewport={"width": width, "height": 900})
    complaints: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    page.screenshot(path=tmp_path / f"report-{width}.png", full_page=True)
    assert complaints == []
    assert [url for url in requests if not url.startswith("data:")] == [path.as_uri()]
    assert _overflow(page) == []
    assert page.locator("#iterations tbody tr").count() == 4
    assert page.locator("#iterations").get_by_text("not promoted", exact=True).is_visible()
    assert page.locator("img").count() == 11
    assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0 && i.alt)")
    assert page.locator(".lead").inner_text().startswith("Hold-out VOI fell from 2.00 to 0.81 bits")
    page.close()


def _overflow(page: Page) -> list[str]:
    """Tags of the elements that reach beyond the right edge of the window."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll('body *')]
            .filter(e => !e.closest('thead') || innerWidth > 860)
            .filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5)
            .map(e => e.tagName + '.' + e.className)"""
    )
    wider = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return [*found, "the page itself"] if wider else found
