"""What holds for every format behind the door."""

import tempfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from loop.errors import InputError
from loop.volume import open_image, open_labels, open_volume
from tests.loop.volume_writing import (
    WRITERS,
    Voxels,
    Writer,
    write_lzw_tiff,
    write_ome_zarr,
    write_tiff,
    write_vast_folder,
)

every_format = pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
volumes = hnp.arrays(
    st.sampled_from([np.uint8, np.uint16]), st.tuples(st.integers(1, 4), st.integers(2, 9), st.integers(2, 9))
)


@every_format
@settings(max_examples=12, deadline=None)
@given(voxels=volumes, data=st.data())
def test_what_was_written_is_read(write: Writer, voxels: Voxels, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(voxels)))
    stop = data.draw(st.integers(start, len(voxels)))
    with tempfile.TemporaryDirectory() as folder:
        volume = open_volume(write(Path(folder), voxels))
        part = volume.sections(start, stop)
    assert volume.shape == voxels.shape
    assert volume.dtype == voxels.dtype == part.dtype
    np.testing.assert_array_equal(part, voxels[start:stop])


@settings(max_examples=12, deadline=None)
@given(ids=hnp.arrays(np.uint8, st.tuples(st.integers(1, 4), st.integers(1, 9), st.integers(1, 9))))
def test_ids_repeated_in_three_channels_are_read_as_labels(ids: Voxels) -> None:
    with tempfile.TemporaryDirectory() as folder:
        np.testing.assert_array_equal(open_labels(write_vast_folder(Path(folder), ids)).sections(0, len(ids)), ids)


@every_format
def test_a_volume_opens_again_by_the_name_it_carries(write: Writer, tmp_path: Path) -> None:
    volume = open_volume(write(tmp_path, np.zeros((2, 3, 4), np.uint8)))
    assert open_volume(volume.spec).spec == volume.spec


@every_format
def test_opening_and_reading_one_section_takes_memory_for_few_sections(write: Writer, tmp_path: Path) -> None:
    voxels = np.random.default_rng(0).integers(0, 256, (64, 256, 256), dtype=np.uint8)
    path = write(tmp_path, voxels)
    open_image(path).section(0)  # what a first use imports is not the volume's
    tracemalloc.start()
    try:
        section = open_image(path).section(40)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    np.testing.assert_array_equal(section, voxels[40])
    assert peak < 12 * section.nbytes


@every_format
def test_what_is_read_may_be_changed_without_harm_to_the_file(write: Writer, tmp_path: Path) -> None:
    volume = open_volume(write(tmp_path, np.ones((2, 3, 4), np.uint8)))
    volume.section(0)[:] = 9
    assert volume.section(0).max() == 1


@pytest.mark.parametrize(
    ("write", "file", "place", "value"),
    [
        (write_ome_zarr, "0/0.0.0", 0.21875, 128),  # a negative size, which the decoder does not foresee
        (write_tiff, "", 0.0653, 0),  # no type of voxel, which tifffile asserts there is
        (write_lzw_tiff, "", 0.0651, 180),
    ],
)
def test_a_damaged_byte_is_reported_whatever_the_library_makes_of_it(
    write: Writer, file: str, place: float, value: int, tmp_path: Path
) -> None:
    path = write(tmp_path, np.arange(60, dtype=np.uint8).reshape(3, 4, 5))
    damaged = bytearray((path / file).read_bytes())
    damaged[int(place * len(damaged))] = value
    (path / file).write_bytes(damaged)
    with pytest.raises(InputError, match="cannot be read"):
        open_volume(path).section(0)


@every_format
@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data())
def test_damage_anywhere_is_reported_or_harmless(write: Writer, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), np.arange(1200, dtype=np.uint16).reshape(3, 20, 20))
        files = sorted(file for file in path.rglob("*") if file.is_file()) or [path]
        file = data.draw(st.sampled_from(files))
        whole = bytearray(file.read_bytes())
        place = data.draw(st.integers(0, len(whole) - 1))
        whole[place : place + 4] = data.draw(st.binary(min_size=0, max_size=4))  # less than 4 cut the file
        file.write_bytes(whole)
        try:
            volume = open_volume(path)
            volume.sections(0, min(3, volume.shape[0]))
        except InputError as error:
            assert str(path) in str(error)  # noqa: PT017 - undamaged voxels may also come out


@pytest.mark.parametrize("name", ["v.h5", "v.tif", "png/section_8.png"])
def test_a_file_that_vanished_is_reported_when_it_is_read(name: str, tmp_path: Path) -> None:
    for write in WRITERS:
        write(tmp_path, np.ones((2, 3, 4), np.uint8))
    volume = open_volume(tmp_path / name.split("/")[0])
    (tmp_path / name).unlink()
    with pytest.raises(InputError, match="cannot be read"):
        volume.section(0)
