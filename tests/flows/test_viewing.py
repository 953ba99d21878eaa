import io
import shutil
import zlib
from pathlib import Path
from urllib.parse import urlsplit

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Response, sync_playwright
from typer.testing import CliRunner

from flows.cli import app
from flows.runs import Run
from flows.swc_files import write_swc_folder
from flows.viewing.layers import Segmentation, Shown, shown_of
from flows.viewing.sections import KeptSections
from flows.viewing.viewer import viewed
from loop.errors import InputError
from loop.places import Place, Tile
from loop.volume import open_image, open_labels
from tracing.skeleton import Skeleton

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SHAPE = (4, 30, 50)
BRICKS = np.arange(4 * 30 * 50, dtype=np.uint16).reshape(SHAPE)
SIZE = (30.0, 12.0, 12.0)


@pytest.fixture
def bricks(tmp_path: Path) -> Path:
    """A volume whose every voxel is known by its value, with labels of two objects."""
    path = tmp_path / "bricks.h5"
    with h5py.File(path, "w") as file:
        file["raw"] = (BRICKS % 251).astype(np.uint8)
        file["labels"] = np.where(BRICKS % 50 < 25, 7, 9).astype(np.uint32)
        for name in ("raw", "labels"):
            file[name].attrs["voxel_size_nm_zyx"] = SIZE
    return path


def numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


@settings(deadline=None, max_examples=30)
@given(st.tuples(*(st.tuples(st.integers(0, extent), st.integers(0, extent)).map(sorted) for extent in SHAPE)))
def test_any_box_is_cut_as_from_an_array(tmp_path_factory: pytest.TempPathFactory, ends: tuple[list[int], ...]) -> None:
    path = tmp_path_factory.getbasetemp() / "cut.h5"
    if not path.exists():
        with h5py.File(path, "w") as file:
            file["labels"] = BRICKS
    box = (slice(*ends[0]), slice(*ends[1]), slice(*ends[2]))
    assert np.array_equal(KeptSections(open_labels(f"{path}:labels"))[box], BRICKS[box])


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine to look at the page with")
def test_a_browser_sees_voxels_and_skeletons_and_asks_nobody_else(bricks: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bricks.skeletons"
    line = Skeleton(np.array([[15.0, 6, 6], [15, 6, 300]]), np.array([5.0, 5]), np.array([-1, 0]))
    write_swc_folder(folder, {7: line}, source="bricks")
    image, labels = open_image(f"{bricks}:raw"), open_labels(f"{bricks}:labels")
    shown = Shown(image, SIZE, segmentations=(Segmentation("axons", labels, (7,), folder),), asked=(Place(2),))
    answers: list[Response] = []
    with viewed(shown) as address, sync_playwright() as browsers:
        browser = browsers.chromium.launch(
            executable_path=CHROMIUM, args=["--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
        )
        page = browser.new_page()
        page.on("response", lambda answer: answers.append(answer))
        with page.expect_response(lambda answer: "/skeleton/" in answer.url, timeout=120_000) as drawn:
            page.goto(address)
        page.wait_for_function("document.body.innerText.includes('axons')")
        skeleton = drawn.value.body()
        chunks = {answer.url: answer.body() for answer in answers if "/npz/" in answer.url and answer.ok}
        browser.close()
    assert {urlsplit(answer.url).netloc for answer in answers} == {urlsplit(address).netloc}
    assert skeleton[:8] == np.array([2, 1], "<u4").tobytes()
    assert np.allclose(np.frombuffer(skeleton[8:32], "<f4"), [0.006, 0.006, 0.015, 0.3, 0.006, 0.015])
    assert chunks
    for url, body in chunks.items():
        *_, scale, begin, end = urlsplit(url).path.split("/")
        if scale == "1,1,1":
            z, y, x = (slice(*pair) for pair in zip(numbers(begin), numbers(end), strict=True))
            seen = np.load(io.BytesIO(zlib.decompress(body)))
            wanted = (image, labels)[seen.dtype == np.uint32]
            assert np.array_equal(seen, KeptSections(wanted)[z, y, x])


def test_boxes_of_tiles_are_seen_at_once_and_those_of_whole_sections_on_demand(bricks: Path) -> None:
    image = open_image(f"{bricks}:raw")
    assert not Shown(image, SIZE, asked=(Place(2),)).asked_at_first
    assert Shown(image, SIZE, asked=(Place(2), Place(3, Tile(4, 8, 16, 16)))).asked_at_first


def test_of_a_run_its_given_labels_and_newest_axons_are_shown(run: Run, phantom: Path) -> None:
    assert [layer.name for layer in shown_of(str(run.folder.root)).segmentations] == ["given labels"]
    (run.folder.root / "axons.h5").write_bytes(phantom.read_bytes())
    layers = shown_of(str(run.folder.root)).segmentations
    assert [(layer.name, layer.visible) for layer in layers] == [("axons", True), ("given labels", False)]


def test_labels_that_are_asked_for_are_on_and_not_shown_twice(run: Run, phantom: Path) -> None:
    layers = shown_of(str(run.folder.root), segmentations=[f"{phantom}:labels"]).segmentations
    assert [(layer.name, layer.visible) for layer in layers] == [("tiny.h5:labels", True)]


def test_labels_of_another_shape_are_refused(bricks: Path, phantom: Path) -> None:
    with pytest.raises(InputError, match="shape"):
        shown_of(f"{bricks}:raw", segmentations=[f"{phantom}:labels"])


@pytest.mark.parametrize("voxel", ["4,0,0", "1,2", "a,b,c", "-1,0,0"])
def test_a_voxel_outside_the_volume_is_refused_with_one_that_is_inside(bricks: Path, voxel: str) -> None:
    refused = CliRunner().invoke(app, ["view", f"{bricks}:raw", f"--at={voxel}"])
    assert isinstance(refused.exception, InputError)
    assert "--at 2,15,25" in str(refused.exception)
