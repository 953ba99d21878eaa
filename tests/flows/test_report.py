"""The report as its readers meet it: in words, in colours, and in a browser."""

import base64
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from scipy import ndimage
from skimage import measure, segmentation

from flows.report.effort import minutes_by_iteration
from flows.report.page import SHOWN_ROWS, render_report, write_report
from flows.report.pictures import matching_colours, panel_pictures
from flows.report.words import answers, better, bought, counted, duration, key_figures, percent
from flows.summarise import status_records, status_table
from flows.summary import ChosenSection, CorrectedSection, GoldAnswer, IterationSummary, RunSummary, SectionPanel
from flows.summary_tracks import Cut, Strip, TracedAxon, TracedAxons
from loop.agreement import SectionAgreement
from loop.effort import Effort
from loop.events import Origin
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
PICTURED = ("image", "truth", "membrane", "segmentation")
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


_ORIGIN = Origin(
    labels_sha256="a" * 64, data_sha256="b" * 64, config_sha256="c" * 64, code="0.1.0+g0123456789ab", parent=2
)
_HELD_BACK = GateDecision(
    promoted=False,
    reason="VOI 2.100, 0.100 higher than iteration 1's, 95 % 0.020 to 0.180: clearly worse, by more than 0.050",
    verdict="alarm",
    against=1,
    difference=0.1,
    interval=(0.02, 0.18),
    margin=0.05,
)


def _agreement(split: float, merge: float) -> Agreement:
    return Agreement(
        voi_split=split, voi_merge=merge, adapted_rand_error=0.2 * merge, precision=0.9, recall=0.8, dice=0.84
    )


def _turn(number: int, split: float, merge: float, *, promoted: bool = True) -> IterationSummary:
    chosen = tuple(ChosenSection(z, lambda: REASON) for z in (10 * number, 10 * number + 4))
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


def _traced() -> TracedAxons:
    grey, inside = np.full((60, 80), 90, np.uint8), np.zeros((60, 80), bool)
    inside[20:40, 30:50] = True
    axon = TracedAxon(axon=17, length_um=19.04, sections=98, breaks=2, mean_link_margin=None)
    strip = Strip(axon, (200, 10, 40), tuple(Cut(z, grey, inside) for z in (0, 20, 40)))
    return TracedAxons("axons.zarr", 1046, (axon,), np.zeros((300, 400, 3), np.uint8), (strip,))


@pytest.fixture(scope="module")
def summary() -> RunSummary:
    second = _turn(2, 0.9, 1.2, promoted=False)
    slower = CorrectedSection(
        20, "a.colleague@the-lab.example", 9.5, 40, 12, 3, 1, EFFORT, "kept", (("oracle@localhost", AGREED),)
    )
    waiting = replace(slower, state="waiting", agreements=(), strokes=17)
    known = GoldAnswer(3, "a.colleague@the-lab.example", 4.5, AGREED.model_copy(update={"mean_iou": 0.7}), AGREED)
    second = replace(second, corrected=(*second.corrected, slower, waiting), gold=(known,))
    second = replace(second, decision=_HELD_BACK, alarms=(_HELD_BACK.reason,), holdout=_held_out(2.0, 2.2))
    open_turn = replace(_turn(4, 0.5, 0.31), decision=None, corrected=(), skipped=(Place(44),))
    return RunSummary(
        name="mouse-cortex-2026-spring",
        volume="/data/em/mouse/cortex/a-rather-long-folder-name/volume_of_the_second_block.h5:raw",
        voxel_size_nm_zyx=(30.0, 12.0, 12.0),
        holdout="54:64",
        shape_zyx=(64, 256, 256),
        iterations=(_turn(1, 1.0, 1.0), second, replace(_turn(3, 0.6, 0.4), origin=_ORIGIN), open_turn),
        best=_panel(1, 0.65),
        worst=_panel(2, 0.8),
        traced=_traced(),
    )


def _opened(uri: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1])))


def _bare(*turns: IterationSummary) -> RunSummary:
    return RunSummary("run", "em.h5:raw", None, "6:8", turns)


def _held_out(*vois: float) -> dict[int, Agreement]:
    return {90 + i: _agreement(voi / 2, voi / 2) for i, voi in enumerate(vois)}


def test_a_pi_reads_first_whether_it_is_better_what_it_cost_and_when_to_stop() -> None:
    run = _bare(_turn(1, 1.0, 1.0), _turn(2, 0.7, 0.6), _turn(3, 0.5, 0.5))
    (first, is_better), (second, hours), (third, stop) = answers(run)
    assert (first, second, third) == ("Is it better?", "What did the hours buy?", "When can we stop?")
    assert is_better == (
        "Yes. Hold-out VOI fell from 2.00 to 1.00 bits (\N{MINUS SIGN}50\N{NO-BREAK SPACE}%) over three iterations."
    )
    assert hours.startswith("Six sections were corrected by oracle@localhost in 39 min.")
    assert "each hour went with 2.31 bits less" in hours  # 1 bit in the 26 minutes before the third model
    assert stop == run.advice().said


def test_a_fall_that_only_some_sections_show_is_not_called_sure() -> None:
    first = replace(_turn(1, 0.5, 0.5), holdout=_held_out(1, 1, 1, 1))
    sure = replace(_turn(2, 0.4, 0.4), holdout=_held_out(0.8, 0.8, 0.8, 0.8))
    assert "Yes. " in better(_bare(first, sure))
    assert "95 % interval 0.20 to 0.20" in better(_bare(first, sure))
    chance = replace(_turn(2, 0.4, 0.4), holdout=_held_out(0.1, 1.2, 1.3, 1.2))
    assert better(_bare(first, chance)).startswith("Perhaps. ")


def test_a_small_fall_is_told_with_a_digit_more_and_a_real_minus() -> None:
    first = replace(_turn(1, 0.5, 0.5), holdout=_held_out(1, 1, 1, 1))
    hardly = replace(_turn(2, 0.498, 0.498), holdout=_held_out(0.98, 0.98, 1.012, 1.012))
    said = better(_bare(first, hardly))
    assert "fell from 1.000 to 0.996 bits" in said
    assert "The fall is 0.004 bits, 95 % interval \N{MINUS SIGN}0.012 to 0.020." in said


def test_what_was_corrected_is_named_as_it_was_asked_for() -> None:
    turn = _turn(1, 1.0, 1.0)
    tiled = tuple(replace(section, tile=Tile(0, 0, 96, 96)) for section in turn.corrected)
    assert "Two tiles were corrected" in bought(_bare(replace(turn, corrected=tiled)))
    assert "Two tasks were corrected" in bought(_bare(replace(turn, corrected=(tiled[0], turn.corrected[1]))))


def test_a_run_that_got_no_better_is_not_praised_and_alarms_are_told_at_the_top() -> None:
    worse = _turn(2, 0.7, 0.6, promoted=False)
    said = better(_bare(_turn(1, 0.5, 0.5), worse))
    assert said.startswith("No. Hold-out VOI has not fallen over two iterations: no model was better than the first")
    assert said.endswith("The last model, of iteration 2, was kept out.")
    alarmed = replace(worse, alarms=("the pool has drifted",))
    assert better(_bare(_turn(1, 0.5, 0.5), alarmed)).endswith("Look at the last one: the pool has drifted.")


def test_a_model_that_was_rolled_back_is_not_the_best_one() -> None:
    withdrawn = replace(_turn(3, 0.2, 0.2), withdrawn=True)
    run = _bare(_turn(1, 1.0, 1.0), _turn(2, 0.5, 0.5), withdrawn)
    assert "fell from 2.00 to 1.00 bits" in better(run)
    assert better(run).endswith("The last model, of iteration 3, was rolled back.")
    assert key_figures(run)[0] == ("1.00 bits", "best hold-out VOI", "iteration 2, lower is better")


def test_the_answers_wait_for_the_first_measurement_and_the_first_correction() -> None:
    assert better(_bare()) == "No model has been measured on the hold-out yet."
    first = _bare(replace(_turn(1, 0.5, 0.5), corrected=()))
    assert better(first).startswith("The first model reaches a hold-out VOI of 1.00 bits")
    assert bought(first) == "No section has come back from annotators yet."


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
    assert 'alt="Minutes per section, by iteration"' in page
    assert 'alt="Edits per section, by iteration"' in page


def test_a_run_without_human_minutes_has_no_figure_of_them() -> None:
    assert minutes_by_iteration([replace(_turn(1, 1.0, 1.0), corrected=())]) is None


def test_the_page_and_the_programs_hear_whether_to_go_on_or_to_stop(summary: RunSummary) -> None:
    advice = summary.advice()
    assert escape(advice.said) in render_report(summary)
    assert [row["advice"]["decision"] for row in status_records(summary)][:2] == ["too few turns", "too few turns"]
    assert status_records(summary)[-1]["advice"] == advice.model_dump()
    assert advice.said in str(status_table(summary).caption)


def test_gate_axons_and_origins_are_on_the_page(summary: RunSummary) -> None:
    page = render_report(summary)
    assert page.count(">alarm</span>") == 1
    assert page.count("clearly worse, by more than 0.050") == 1
    assert "VOI of each model less that of the best before it" in page
    assert "1,046 axons and pieces of axons in <code>axons.zarr</code>" in page
    assert re.search(r"Axon 17 .*19.0 µm, 98 sections", page)
    assert page.count("<figcaption>section ") == 3
    assert f"<code>{'b' * 10}</code>" in page
    assert "0.1.0+g0123456789ab" in page
    assert '"Began with">iteration 2<' in page


def test_of_many_answers_the_newest_are_shown_and_older_turns_have_a_row_each() -> None:
    section = CorrectedSection(7, "a.colleague@the-lab.example", 4.0, 40, 12, 3, 1, EFFORT)
    many = tuple(replace(section, z=z) for z in range(150))
    turns = tuple(replace(_turn(n, 1 / n, 1 / n), chosen=(), corrected=many) for n in range(1, 31))
    page = render_report(_bare(*turns))
    assert page.count('data-name="Pixels changed"') == 300  # of the newest two turns, as 450 would be too many
    assert "Iterations 1 to 28, a row each" in page
    assert page.count("proofloop status RUN --json") == 2
    assert len(page) < 1_500_000
    cut = render_report(_bare(replace(turns[0], corrected=tuple(replace(section, z=z) for z in range(SHOWN_ROWS + 5)))))
    assert "And 5 more:" in cut


def test_a_section_too_large_for_a_page_is_thinned() -> None:
    panel = _panel(1, 0.65)
    tiled: dict[str, Any] = {name: np.tile(getattr(panel, name), (10, 10)) for name in PICTURED}
    large = replace(panel, **tiled)
    sizes = [_opened(uri).size for _, uri in panel_pictures(large)]
    assert sizes == [(534, 427)] * 4  # 1600 x 1280 px, every third


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
    assert page.locator("img").count() == 3 + 1 + 8 + 2 + 4  # curves, gate, hold-out, effort, axons
    assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0 && i.alt)")
    assert page.locator(".answers dd").first.inner_text().startswith("Yes. Hold-out VOI fell from 2.00 to 0.81 bits")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.emulate_media(color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    page.emulate_media(media="print")  # on paper it is light, and a table is a table
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator("#iterations thead").is_visible()
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
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
