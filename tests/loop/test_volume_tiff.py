from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from loop.errors import InputError
from loop.volume import open_image, open_volume

VOXELS = np.arange(5 * 16 * 18, dtype=np.uint16).reshape(5, 16, 18)
GREY = VOXELS.astype(np.uint8)


@pytest.mark.parametrize("unit", ["um", "micron", "\N{MICRO SIGN}m", r"\u00B5m"])
def test_imagej_spacing_and_resolution_give_the_voxel_size(unit: str, tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "v.tif",
        VOXELS,
        imagej=True,
        resolution=(250, 125),
        metadata={"spacing": 0.03, "unit": unit.replace("\N{MICRO SIGN}", r"\u00B5"), "axes": "ZYX"},
    )
    assert open_volume(tmp_path / "v.tif").voxel_size_nm_zyx == pytest.approx((30, 8, 4))


def test_ome_physical_sizes_give_the_voxel_size(tmp_path: Path) -> None:
    sizes = {"PhysicalSizeZ": 30.0, "PhysicalSizeZUnit": "nm", "PhysicalSizeY": 0.008, "PhysicalSizeX": 0.004}
    tifffile.imwrite(tmp_path / "v.ome.tif", VOXELS, metadata={"axes": "ZYX", **sizes})
    assert open_volume(tmp_path / "v.ome.tif").voxel_size_nm_zyx == pytest.approx((30, 8, 4))


@pytest.mark.parametrize("metadata", [{"axes": "ZYX"}, {"axes": "ZYX", "spacing": 2.0, "unit": "pixel"}])
def test_no_voxel_size_is_given_where_imagej_states_no_length(metadata: dict[str, Any], tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "v.tif", VOXELS, imagej=True, metadata=metadata)
    assert open_volume(tmp_path / "v.tif").voxel_size_nm_zyx is None


@pytest.mark.parametrize("compression", [None, "zlib", "lzw", "zstd", "packbits"])
def test_a_stack_without_metadata_is_read_page_by_page(compression: str | None, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "v.tif", VOXELS, metadata=None, compression=compression)
    np.testing.assert_array_equal(open_volume(tmp_path / "v.tif").sections(1, 4), VOXELS[1:4])


def test_an_imagej_stack_with_one_page_for_all_sections_is_read(tmp_path: Path) -> None:
    # ImageJ writes stacks of more than 4 GiB so: one directory, then all sections in a row
    tifffile.imwrite(tmp_path / "v.tif", VOXELS, imagej=True, byteorder="<", metadata={"axes": "ZYX"})
    stored = bytearray((tmp_path / "v.tif").read_bytes())
    directory = int.from_bytes(stored[4:8], "little")
    end = directory + 2 + 12 * int.from_bytes(stored[directory : directory + 2], "little")
    stored[end : end + 4] = bytes(4)
    (tmp_path / "v.tif").write_bytes(stored)
    with tifffile.TiffFile(tmp_path / "v.tif") as file:
        assert len(file.pages) == 1
    np.testing.assert_array_equal(open_volume(tmp_path / "v.tif").sections(0, 5), VOXELS)


def test_a_single_page_is_one_section(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "v.tif", GREY[0])
    np.testing.assert_array_equal(open_image(tmp_path / "v.tif").section(0), GREY[0])


def test_three_equal_channels_are_one(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "v.tif", np.repeat(GREY[..., None], 3, axis=-1), photometric="rgb")
    np.testing.assert_array_equal(open_image(tmp_path / "v.tif").sections(0, 5), GREY)


def test_colours_are_refused_with_the_first_voxel_that_has_one(tmp_path: Path) -> None:
    coloured = np.zeros((2, 16, 18, 3), np.uint8)
    coloured[1, 3, 4] = (1, 2, 3)
    tifffile.imwrite(tmp_path / "v.tif", coloured, photometric="rgb")
    volume = open_image(tmp_path / "v.tif")
    assert volume.section(0).max() == 0
    with pytest.raises(InputError, match=r"\(1, 2, 3\) at y = 3, x = 4"):
        volume.section(1)


@pytest.mark.parametrize(
    ("voxels", "options", "named"),
    [
        (np.zeros((2, 3, 16, 18), np.uint8), {"imagej": True, "metadata": {"axes": "ZCYX"}}, "axes ZCYX"),
        (np.zeros((2, 3, 16, 18), np.uint8), {"photometric": "rgb", "planarconfig": "separate"}, "axes QSYX"),
        (GREY, {"photometric": "miniswhite"}, "0 is white"),
        (np.zeros((32, 32, 32), np.uint8), {"volumetric": True, "tile": (16, 16, 16)}, "32 sections in 1 pages"),
    ],
)
def test_a_stack_that_is_no_volume_is_refused(voxels: Any, options: dict[str, Any], named: str, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "v.tif", voxels, **options)
    with pytest.raises(InputError, match=named):
        open_volume(tmp_path / "v.tif")


def test_pages_of_several_shapes_are_all_named(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "v.tif") as file:
        for edge in (16, 32, 16):
            file.write(np.zeros((edge, 18), np.uint8))
    with pytest.raises(InputError, match=r"\(16, 18\) uint8, YX \(32, 18\) uint8"):
        open_volume(tmp_path / "v.tif")


@pytest.mark.parametrize("length", [6, 300, 2000])
def test_a_file_cut_short_is_refused(length: int, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "whole.tif", VOXELS)
    (tmp_path / "v.tif").write_bytes((tmp_path / "whole.tif").read_bytes()[:length])
    with pytest.raises(InputError, match="cannot be read as TIFF"):
        open_volume(tmp_path / "v.tif")


def test_a_dataset_is_not_looked_for_in_a_tiff(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "v.tif", VOXELS)
    with pytest.raises(InputError, match="has no datasets"):
        open_volume(f"{tmp_path}/v.tif:raw")
