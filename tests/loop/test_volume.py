from pathlib import Path

import h5py
import numpy as np
import pytest
import zarr

from loop.errors import InputError
from loop.volume import open_image, open_labels, open_volume

SIZE = (30.0, 12.0, 12.0)


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    path = tmp_path / "v.h5"
    with h5py.File(path, "w") as file:
        file["raw"] = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
        file["labels"] = np.ones((2, 3, 4), dtype=np.uint16)
        file["flat"] = np.zeros((3, 4), dtype=np.uint8)
        file["raw"].attrs["voxel_size_nm_zyx"] = SIZE
    return path


def test_a_dataset_is_named_after_a_colon(stored: Path) -> None:
    volume = open_image(f"{stored}:raw")
    assert volume.shape == (2, 3, 4)
    assert volume.voxel_size_nm_zyx == SIZE
    assert volume.section(1)[0, 0] == 12


def test_the_usual_dataset_is_taken_where_none_is_named(stored: Path) -> None:
    assert open_image(stored).spec.endswith(":raw")
    assert open_labels(stored).spec.endswith(":labels")


def test_the_voxel_size_may_stand_on_the_file(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "v.h5", "w") as file:
        file["only"] = np.zeros((1, 2, 2), dtype=np.uint8)
        file.attrs["voxel_size_nm_zyx"] = SIZE
    assert open_volume(tmp_path / "v.h5").voxel_size_nm_zyx == SIZE


def test_zarr_opens_through_the_same_door(tmp_path: Path) -> None:
    zarr.create_array(tmp_path / "v.zarr" / "raw", data=np.full((2, 3, 4), 7, dtype=np.uint8))
    zarr.open_group(tmp_path / "v.zarr", mode="a")
    assert open_image(f"{tmp_path}/v.zarr:raw").sections(0, 2).tolist() == np.full((2, 3, 4), 7).tolist()


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        ("absent.h5:raw", "volume not found"),
        ("v.h5:nothing", "one of flat, labels, raw"),
        ("v.h5:flat", "three axes"),
        ("v.h5:labels", "uint8 grey values"),
    ],
)
def test_a_wrong_image_is_refused_with_what_was_expected(stored: Path, spec: str, named: str) -> None:
    with pytest.raises(InputError, match=named):
        open_image(f"{stored.parent}/{spec}")


def test_signed_labels_are_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "v.h5", "w") as file:
        file["labels"] = np.zeros((1, 2, 2), dtype=np.int32)
    with pytest.raises(InputError, match="unsigned"):
        open_labels(tmp_path / "v.h5")


def test_sections_past_the_end_are_refused(stored: Path) -> None:
    with pytest.raises(InputError, match="within 0:2"):
        open_image(stored).sections(1, 3)


def test_a_file_that_is_not_hdf5_is_refused(tmp_path: Path) -> None:
    (tmp_path / "v.h5").write_text("no")
    with pytest.raises(InputError, match="cannot be read as HDF5"):
        open_volume(tmp_path / "v.h5")


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "v.doc").write_text("no")
    with pytest.raises(InputError, match="format not known"):
        open_volume(tmp_path / "v.doc")


def test_a_dataset_that_points_into_another_file_is_refused(stored: Path) -> None:
    with h5py.File(stored.parent / "link.h5", "w") as file:
        file["raw"] = h5py.ExternalLink(str(stored), "raw")
    with pytest.raises(InputError, match="raw"):
        open_image(stored.parent / "link.h5")
