import struct
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image

from loop.errors import InputError
from loop.volume import open_volume

VOXELS = np.ones((3, 20, 24), np.uint8)
HUGE = 2**20


def test_a_section_larger_than_any_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "v.h5", "w") as file:
        file.create_dataset("raw", (3, HUGE, HUGE), np.uint8, chunks=(1, 64, 64))
    zarr.create_array(tmp_path / "v.zarr", shape=(3, HUGE, HUGE), dtype=np.uint8, chunks=(1, 64, 64))
    for name in ("v.h5", "v.zarr"):
        with pytest.raises(InputError, match=r"a section of .* is too large.*\n.*1048576 x 1048576 voxels of uint8"):
            open_volume(tmp_path / name)


def test_a_chunk_that_must_be_decoded_whole_and_is_too_large_is_refused(tmp_path: Path) -> None:
    shape, chunk = (40, 8192, 8192), (33, 8192, 8192)
    with h5py.File(tmp_path / "v.h5", "w") as file:
        file.create_dataset("raw", shape, np.uint8, chunks=chunk)
    zarr.create_array(tmp_path / "v.zarr", shape=shape, dtype=np.uint8, chunks=chunk)
    for name in ("v.h5", "v.zarr"):
        with pytest.raises(InputError, match=r"a chunk of .* is too large.*\n.*2\.1 GiB"):
            open_volume(tmp_path / name)


def test_more_sections_than_anybody_has_cut_are_refused(tmp_path: Path) -> None:
    zarr.create_array(tmp_path / "v.zarr", shape=(2**40, 8, 8), dtype=np.uint8, chunks=(1, 8, 8))
    with pytest.raises(InputError, match="too many sections"):
        open_volume(tmp_path / "v.zarr")


@pytest.mark.parametrize("tag", ["ImageWidth", "ImageLength"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_tiff_header_that_claims_a_huge_page_is_refused(tag: str, compression: str | None, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "v.tif", VOXELS, photometric="minisblack", metadata=None, compression=compression)
    with tifffile.TiffFile(tmp_path / "v.tif", mode="r+") as file:
        file.pages.first.tags[tag].overwrite(2**31 - 1, dtype="I")
    with pytest.raises(InputError, match=r"too large|cut short|not a volume"):
        open_volume(tmp_path / "v.tif")


def test_an_ome_header_that_claims_a_huge_stack_is_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "v.ome.tif", VOXELS, ome=True, metadata={"axes": "ZYX"})
    with tifffile.TiffFile(tmp_path / "v.ome.tif") as file:
        described = (file.ome_metadata or "").replace('SizeZ="3"', f'SizeZ="{10**12}"')
    tifffile.imwrite(
        tmp_path / "v.ome.tif", VOXELS, description=described.encode(), metadata=None, photometric="minisblack"
    )
    with pytest.raises(InputError, match="too many sections"):
        open_volume(tmp_path / "v.ome.tif")


def test_pages_that_their_metadata_do_not_describe_are_not_dropped_in_silence(tmp_path: Path) -> None:
    wrong = '{"shape": [5, 20, 24]}'  # as a writer that died leaves it
    tifffile.imwrite(
        tmp_path / "v.tif", VOXELS, description=wrong, metadata=None, compression="zlib", photometric="minisblack"
    )
    with pytest.raises(InputError, match="3 pages, of which its metadata describe 1"):
        open_volume(tmp_path / "v.tif")


def test_a_png_header_that_claims_more_than_deflate_can_pack_is_refused(tmp_path: Path) -> None:
    for number in (1, 2):
        Image.fromarray(VOXELS[0]).save(tmp_path / f"s{number}.png")
    damaged = bytearray((tmp_path / "s2.png").read_bytes())
    damaged[16:24] = struct.pack(">II", 40_000, 30_000)
    damaged[29:33] = struct.pack(">I", zlib.crc32(damaged[12:29]))
    (tmp_path / "s2.png").write_bytes(damaged)
    with pytest.raises(InputError, match=r"s2\.png: 40000 x 30000 px in \d+ bytes"):
        open_volume(tmp_path)


def test_a_hdf5_file_with_a_damaged_directory_is_reported(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "v.h5", "w") as file:
        file["raw"] = VOXELS
    whole = (tmp_path / "v.h5").read_bytes()
    (tmp_path / "v.h5").write_bytes(whole.replace(b"TREE", b"TREX"))
    with pytest.raises(InputError, match="cannot be read as HDF5"):
        open_volume(tmp_path / "v.h5")


def test_a_volume_that_does_not_fit_into_memory_at_once_says_so(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "v.h5", "w") as file:
        file.create_dataset("raw", (2**20, 2**14, 2**16), np.uint8, chunks=(1, 64, 64))
    volume = open_volume(tmp_path / "v.h5")
    with pytest.raises(InputError, match=r"sections 0:1048576 .* do not fit into memory"):
        volume.sections(0, 2**20)
