import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from flows.cli import app
from loop.errors import InputError
from loop.volume import open_volume


@pytest.fixture
def volume(tmp_path: Path) -> str:
    with h5py.File(tmp_path / "v.h5", "w") as file:
        file["raw"] = np.zeros((9, 30, 40), np.uint8)
        file["raw"].attrs["voxel_size_nm_zyx"] = (30.0, 12.0, 12.0)
    return f"{tmp_path}/v.h5:raw"


def draw(path: Path, *, left: int, shape: tuple[int, int] = (30, 40)) -> None:
    picture = np.zeros((*shape, 3), np.uint8)
    picture[5:15, left : left + 10] = (0, 0, 7)
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(picture).save(path)


def test_pictures_of_two_sections_become_a_mask_of_all_between(volume: str, tmp_path: Path) -> None:
    draw(tmp_path / "drawn/run2_z002.png", left=4)
    draw(tmp_path / "drawn/run2_z006.png", left=24)
    out = tmp_path / "mask.h5"
    words = ["mask", str(tmp_path / "drawn"), "--volume", volume, "-o", str(out), "--json"]
    found = CliRunner().invoke(app, words)
    assert found.exit_code == 0, found.output
    told = json.loads(found.stdout)
    assert (told["drawn"], told["masked"], told["box_px"]) == ("2:3,6:7", "2:7", [5, 4, 15, 34])
    mask = open_volume(out, dataset="mask")
    assert (mask.shape, mask.voxel_size_nm_zyx) == ((9, 30, 40), (30, 12, 12))
    assert [int(section.sum()) for section in mask.sections(0, 9)] == [0, 0, 100, 100, 100, 100, 100, 0, 0]
    assert mask.section(4)[5:15, 14:24].all()


def test_a_crop_window_of_one_size_drifts_with_the_mask(volume: str, tmp_path: Path) -> None:
    draw(tmp_path / "drawn/z2.png", left=4)
    draw(tmp_path / "drawn/z6.png", left=24)
    words = ["mask", str(tmp_path / "drawn"), "--volume", volume, "-o", str(tmp_path / "mask.h5")]
    assert CliRunner().invoke(app, [*words, "--window", "20,16"]).exit_code == 0
    rows = (tmp_path / "mask.windows.csv").read_text().split()
    assert rows[0] == "z,top,left"
    mask = open_volume(tmp_path / "mask.h5", dataset="mask")
    for z, top, left in (map(int, row.split(",")) for row in rows[1:]):
        assert mask.section(z)[top : top + 20, left : left + 16].sum() == mask.section(z).sum() > 0
    assert len(rows) == 1 + 5
    with pytest.raises(InputError, match="does not fit"):
        CliRunner().invoke(app, [*words, "--window", "20,9"], catch_exceptions=False)
    with pytest.raises(InputError, match="cannot be read"):
        CliRunner().invoke(app, [*words, "--window", "20"], catch_exceptions=False)


@pytest.mark.parametrize(("name", "shape"), [("z009.png", (30, 40)), ("mask.png", (30, 40)), ("z001.png", (30, 41))])
def test_a_picture_that_fits_no_section_is_named(
    volume: str, tmp_path: Path, name: str, shape: tuple[int, int]
) -> None:
    draw(tmp_path / "drawn" / name, left=4, shape=shape)
    found = CliRunner().invoke(app, ["mask", str(tmp_path / "drawn"), "--volume", volume, "-o", str(tmp_path / "m.h5")])
    assert isinstance(found.exception, InputError)
    assert name in str(found.exception)
    assert not (tmp_path / "m.h5").exists()


def test_a_folder_without_masks_is_told_of(volume: str, tmp_path: Path) -> None:
    (tmp_path / "drawn").mkdir()
    found = CliRunner().invoke(app, ["mask", str(tmp_path / "drawn"), "--volume", volume, "-o", str(tmp_path / "m.h5")])
    assert isinstance(found.exception, InputError)
    assert not (tmp_path / "m.h5").exists()


def test_polygons_exported_from_label_studio_become_a_mask_of_all_between(volume: str, tmp_path: Path) -> None:
    tasks = []
    for z, left in ((2, 4), (6, 24)):
        corners = [(left, 5), (left + 10, 5), (left + 10, 15), (left, 15)]
        points = [[100 * x / 40, 100 * y / 30] for x, y in corners]
        result = {"id": "a", "type": "polygonlabels", "value": {"points": points, "polygonlabels": ["bundle"]}}
        tasks.append({"id": z, "data": {"z": z}, "annotations": [{"id": 1, "result": [result]}]})
    (tmp_path / "drawn.json").write_text(json.dumps(tasks))
    words = ["mask", str(tmp_path / "drawn.json"), "--volume", volume, "-o", str(tmp_path / "mask.h5"), "--json"]
    found = CliRunner().invoke(app, words)
    assert found.exit_code == 0, found.output
    assert json.loads(found.stdout)["box_px"] == [5, 4, 15, 34]
    areas = [int(section.sum()) for section in open_volume(tmp_path / "mask.h5", dataset="mask").sections(0, 9)]
    assert areas == [0, 0, 100, 100, 100, 100, 100, 0, 0]
