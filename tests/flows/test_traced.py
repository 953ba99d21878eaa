"""What the report shows of traced axons comes from the files that a trace leaves."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from flows.axon_picture import write_picture
from flows.axon_table import axons_of, axons_path, write_axon_table
from flows.traced import newest_axons, traced_axons
from loop.volume import Volume, open_image, open_labels

SIZE = (30.0, 12.0, 12.0)


@pytest.fixture
def image(tmp_path: Path) -> Volume:
    """An EM image of 11 sections of 100 x 300 px."""
    path = tmp_path / "em.h5"
    with h5py.File(path, "w") as file:
        file["raw"] = np.random.default_rng(0).integers(0, 255, (11, 100, 300), np.uint8)
    return open_image(f"{path}:raw")


def _trace(path: Path) -> None:
    """Leave an axon that moves along x by 20 px a section, not seen in section 4, and a short one."""
    labels = np.zeros((11, 100, 300), np.uint32)
    for z in (0, 1, 2, 3, 5, 6, 7, 8, 9, 10):
        labels[z, 40:60, 20 * z : 20 * z + 30] = 7
    labels[2, 5, 5:7] = 9
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file["labels"] = labels
        file["labels"].attrs["voxel_size_nm_zyx"] = SIZE
    axons = axons_of(open_labels(f"{path}:labels"), SIZE)
    write_axon_table(axons_path(path), axons)
    write_picture(axons_path(path).with_suffix(".png"), open_labels(f"{path}:labels"), axons, SIZE)


def test_the_longest_axon_is_followed_through_its_sections(tmp_path: Path, image: Volume) -> None:
    _trace(tmp_path / "run/axons/001.h5")
    traced = traced_axons(tmp_path / "run", image)
    assert traced is not None
    assert (traced.file, traced.count) == ("axons/001.h5", 2)
    assert [(axon.axon, axon.sections, axon.breaks) for axon in traced.longest] == [(7, 10, 1), (9, 1, 0)]
    first, second = traced.strips
    assert [cut.z for cut in first.cuts] == [0, 2, 6, 8, 10]  # 4 is where it is not seen
    assert {cut.inside.shape for cut in first.cuts} == {(64, 64)}
    assert [int(cut.inside.sum()) for cut in first.cuts] == [600] * 5
    assert np.array_equal(first.cuts[1].image, image.section(2)[18:82, 23:87])  # about row 50, column 55
    assert [int(cut.inside.sum()) for cut in second.cuts] == [2]


def test_the_picture_leaves_out_sections_that_no_axon_reaches(tmp_path: Path) -> None:
    pictures = []
    for before in (0, 20):
        labels = np.zeros((before + 40, 50, 50), np.uint32)
        labels[before:, 20:30, 20:30] = 7
        path = tmp_path / f"{before}.h5"
        with h5py.File(path, "w") as file:
            file["labels"] = labels
        volume = open_labels(f"{path}:labels")
        write_picture(path.with_suffix(".png"), volume, axons_of(volume, SIZE), SIZE)
        with Image.open(path.with_suffix(".png")) as picture:
            pictures.append(np.asarray(picture))
    np.testing.assert_array_equal(pictures[0], pictures[1])


def test_of_two_traces_the_newer_is_shown_and_one_without_its_table_is_not(tmp_path: Path, image: Volume) -> None:
    assert newest_axons(tmp_path) is None
    assert traced_axons(tmp_path, image) is None
    _trace(tmp_path / "axons.h5")
    _trace(tmp_path / "axons/002.h5")
    assert newest_axons(tmp_path) == tmp_path / "axons/002.h5"
    (tmp_path / "axons/002.axons.json").unlink()
    assert traced_axons(tmp_path, image) is None
