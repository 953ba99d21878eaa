from pathlib import Path

import h5py
import numpy as np
import pytest

from loop.errors import InputError
from loop.volume import open_image, open_volume

VOXELS = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    with h5py.File(tmp_path / "elsewhere.h5", "w") as file:
        file["group/raw"] = VOXELS
    return tmp_path / "elsewhere.h5"


def test_a_dataset_in_a_group_is_found(elsewhere: Path) -> None:
    np.testing.assert_array_equal(open_image(f"{elsewhere}:/group/raw").section(1), VOXELS[1])
    assert open_image(elsewhere).spec.endswith(":group/raw")


def test_both_names_of_a_dataset_with_two_open_it(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "v.h5", "w") as file:
        file["raw"] = VOXELS
        file["same"] = file["raw"]
        file["loop/back"] = file["/"]
    for name in ("raw", "same"):
        np.testing.assert_array_equal(open_volume(f"{tmp_path}/v.h5:{name}").sections(0, 2), VOXELS)


@pytest.mark.parametrize("name", ["raw", "group/raw"])
def test_an_external_link_is_refused_wherever_it_stands_in_the_name(name: str, elsewhere: Path) -> None:
    with h5py.File(elsewhere.parent / "link.h5", "w") as file:
        file["raw"] = h5py.ExternalLink(str(elsewhere), "group/raw")
        file["group"] = h5py.ExternalLink(str(elsewhere), "group")
    with pytest.raises(InputError, match="points into another file"):
        open_volume(f"{elsewhere.parent}/link.h5:{name}")


def test_a_soft_link_is_refused_with_the_name_it_stands_for(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "v.h5", "w") as file:
        file["volumes/em"] = VOXELS
        file["raw"] = h5py.SoftLink("/volumes/em")
    with pytest.raises(InputError, match=r"v\.h5:volumes/em"):
        open_image(tmp_path / "v.h5")


def test_a_virtual_dataset_is_refused(elsewhere: Path) -> None:
    layout = h5py.VirtualLayout(VOXELS.shape, np.uint8)
    layout[:] = h5py.VirtualSource(str(elsewhere), "group/raw", VOXELS.shape)
    with h5py.File(elsewhere.parent / "virtual.h5", "w") as file:
        file.create_virtual_dataset("raw", layout)
    with pytest.raises(InputError, match="lie in other files"):
        open_volume(elsewhere.parent / "virtual.h5")


def test_external_storage_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "v.h5", "w") as file:
        file.create_dataset("raw", VOXELS.shape, np.uint8, external=[(str(tmp_path / "raw.bin"), 0, 24)])
    with pytest.raises(InputError, match=r"external storage in .*raw\.bin"):
        open_volume(tmp_path / "v.h5")


def test_big_endian_labels_come_in_the_order_of_this_machine(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "v.h5", "w") as file:
        file["labels"] = VOXELS.astype(">u4")
    volume = open_volume(tmp_path / "v.h5")
    assert volume.dtype == volume.section(0).dtype == np.dtype("=u4")
    np.testing.assert_array_equal(volume.sections(0, 2), VOXELS)


@pytest.mark.parametrize("size", [(30.0, 12.0), (30.0, 0.0, 12.0), (30.0, -12.0, 12.0), "big"])
def test_a_voxel_size_that_is_none_is_refused(size: object, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "v.h5", "w") as file:
        file["raw"] = VOXELS
        file["raw"].attrs["voxel_size_nm_zyx"] = size
    with pytest.raises(InputError, match="three positive numbers"):
        open_volume(tmp_path / "v.h5")


def test_a_file_cut_short_is_refused(tmp_path: Path, elsewhere: Path) -> None:
    (tmp_path / "short.h5").write_bytes(elsewhere.read_bytes()[:-50])
    with pytest.raises(InputError, match="cannot be read as HDF5"):
        open_volume(tmp_path / "short.h5")


def test_text_and_empty_datasets_are_no_volumes(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "v.h5", "w") as file:
        file["text"] = np.full((1, 2, 2), b"a")
        file["empty"] = np.zeros((0, 2, 2), np.uint8)
    with pytest.raises(InputError, match="expected: numbers"):
        open_volume(f"{tmp_path}/v.h5:text")
    with pytest.raises(InputError, match="none of them empty"):
        open_volume(f"{tmp_path}/v.h5:empty")
