from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from loop.errors import InputError
from loop.volume import open_image, open_labels, open_volume


def section(value: int, shape: tuple[int, int] = (4, 5)) -> Image.Image:
    return Image.fromarray(np.full(shape, value, np.uint8))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "s").mkdir()
    for number in (8, 9, 10, 11):
        section(number).save(tmp_path / "s" / f"mip2_section_{number}.png")
    return tmp_path / "s"


def test_section_2_comes_before_section_10(folder: Path) -> None:
    assert open_image(folder).sections(0, 4)[:, 0, 0].tolist() == [8, 9, 10, 11]


def test_other_files_and_hidden_files_are_passed_over(folder: Path) -> None:
    (folder / "colours.txt").write_text("1 axon")
    (folder / "._mip2_section_12.png").write_bytes(b"a Mac's note")
    (folder / "old").mkdir()
    assert open_image(folder).shape == (4, 4, 5)


def test_sixteen_bit_ids_keep_their_values(tmp_path: Path) -> None:
    ids = np.arange(20, dtype=np.uint16).reshape(4, 5) * 3000
    Image.fromarray(ids).save(tmp_path / "s1.png")
    np.testing.assert_array_equal(open_labels(tmp_path).section(0), ids)


def test_one_file_is_one_section_whatever_its_name(tmp_path: Path) -> None:
    section(3).save(tmp_path / "axons.png")
    assert open_image(tmp_path).shape == (1, 4, 5)


def test_a_colour_is_refused_with_its_file(folder: Path) -> None:
    Image.new("RGB", (5, 4), (1, 2, 3)).save(folder / "mip2_section_12.png")
    for number in (8, 9, 10, 11):
        (folder / f"mip2_section_{number}.png").unlink()
    with pytest.raises(InputError, match=r"mip2_section_12\.png is in colour"):
        open_labels(folder).section(0)


@pytest.mark.parametrize(
    ("removed", "named"),
    [
        ((9,), "number 9 is missing, between mip2_section_8.png and mip2_section_10.png"),
        ((9, 10), "number 9 to 10 is missing, between mip2_section_8.png and mip2_section_11.png"),
    ],
)
def test_a_skipped_number_is_named_with_its_neighbours(removed: tuple[int, ...], named: str, folder: Path) -> None:
    for number in removed:
        (folder / f"mip2_section_{number}.png").unlink()
    with pytest.raises(InputError, match=named):
        open_volume(folder)


def test_a_number_that_comes_twice_is_named(folder: Path) -> None:
    section(9).save(folder / "mip2_section_09.png")
    with pytest.raises(InputError, match="have the same number"):
        open_volume(folder)


def test_tiles_are_not_taken_for_sections(tmp_path: Path) -> None:
    for x in (0, 1):
        for z in (0, 1):
            section(0).save(tmp_path / f"s{z}_x{x}.png")
    with pytest.raises(InputError, match="look like tiles"):
        open_volume(tmp_path)


def test_files_of_two_series_are_told_apart(folder: Path) -> None:
    section(0).save(folder / "overview_1.png")
    with pytest.raises(InputError, match=r"4 like mip2_section_10\.png, 1 like overview_1\.png"):
        open_volume(folder)


def test_every_fault_is_named_at_once(folder: Path, tmp_path: Path) -> None:
    section(0, (4, 6)).save(folder / "mip2_section_13.png")
    Image.new("RGBA", (5, 4)).save(folder / "mip2_section_14.png")
    Image.new("1", (5, 4)).save(folder / "mip2_section_15.png")
    Image.new("P", (5, 4)).save(folder / "mip2_section_16.png")
    (folder / "mip2_section_17.png").write_bytes(b"no")
    section(0).save(tmp_path / "outside.png")
    (folder / "mip2_section_18.png").symlink_to(tmp_path / "outside.png")
    (folder / "mip2_section_19.png").symlink_to(folder / "gone.png")
    Image.fromarray(np.zeros((4, 5), np.uint16)).save(folder / "mip2_section_20.png")
    with pytest.raises(InputError) as caught:
        open_volume(folder)
    for fault in (
        "number 12 is missing",
        "mip2_section_13.png: (4, 6) uint8; expected (4, 5) uint8 as 4 others have",
        "mip2_section_14.png: 8-bit RGB with transparency",
        "mip2_section_15.png: 1-bit grey",
        "mip2_section_16.png: ",
        "palette",
        "mip2_section_17.png: no PNG header",
        f"mip2_section_18.png: a link to {tmp_path / 'outside.png'}",
        "mip2_section_19.png: ",
        "mip2_section_20.png: (4, 5) uint16",
    ):
        assert fault in str(caught.value)


def test_a_link_within_the_folder_stands_for_a_section(folder: Path) -> None:
    (folder / "mip2_section_12.png").symlink_to(folder / "mip2_section_11.png")  # its damaged neighbour's stand-in
    assert open_image(folder).section(4)[0, 0] == 11


def test_a_damaged_section_spoils_only_itself(folder: Path) -> None:
    whole = (folder / "mip2_section_9.png").read_bytes()
    (folder / "mip2_section_9.png").write_bytes(whole[:45])
    volume = open_image(folder)
    assert volume.section(0)[0, 0] == 8
    with pytest.raises(InputError, match=r"mip2_section_9\.png cannot be read"):
        volume.sections(0, 4)


def test_a_tiff_of_several_pages_is_no_section(tmp_path: Path) -> None:
    for z in range(2):
        tifffile.imwrite(tmp_path / f"s{z}.tif", np.zeros((z + 1, 16, 18), np.uint8))
    with pytest.raises(InputError, match=r"s1\.tif: 2 pages"):
        open_volume(tmp_path)


def test_a_folder_without_sections_is_refused_with_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"")
    with pytest.raises(InputError, match=r"holds no sections\n  given:    \.jpg"):
        open_volume(tmp_path)


def test_a_dataset_is_not_looked_for_in_a_folder(folder: Path) -> None:
    with pytest.raises(InputError, match="has no datasets"):
        open_volume(f"{folder}:raw")
