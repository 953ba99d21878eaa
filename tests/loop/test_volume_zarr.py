import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from loop.errors import InputError
from loop.volume import open_image, open_labels, open_volume
from tests.loop.volume_writing import MULTISCALE, write_ome_zarr

VOXELS = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


def write(folder: Path, multiscale: dict[str, Any], voxels: Any = VOXELS, *, version: str = "0.4") -> Path:
    group = zarr.create_group(folder / "v.zarr", zarr_format=3 if version == "0.5" else 2)
    group.attrs.update({"ome": {"version": version, "multiscales": [multiscale]}} if version == "0.5" else {})
    if version != "0.5":
        group.attrs["multiscales"] = [{"version": version, **multiscale}]
    group.create_array(multiscale["datasets"][0]["path"], data=voxels)
    return folder / "v.zarr"


def level(*scale: float, path: str = "0") -> dict[str, Any]:
    return {"path": path, "coordinateTransformations": [{"type": "scale", "scale": list(scale)}]}


def axes(**units: str | None) -> list[dict[str, str]]:
    return [{"name": name} | ({"unit": unit} if unit else {}) for name, unit in units.items()]


def test_of_an_ome_zarr_image_the_full_resolution_is_taken_with_its_voxel_size(tmp_path: Path) -> None:
    volume = open_image(write_ome_zarr(tmp_path, VOXELS))
    assert volume.shape == (2, 3, 4)
    assert volume.voxel_size_nm_zyx == pytest.approx((30, 6, 6))


def test_a_coarser_level_is_taken_by_its_name(tmp_path: Path) -> None:
    volume = open_image(f"{write_ome_zarr(tmp_path, VOXELS)}:1")
    assert volume.shape == (2, 2, 2)
    assert volume.voxel_size_nm_zyx == pytest.approx((30, 12, 12))


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_one_channel_before_zyx_is_read_through(version: str, tmp_path: Path) -> None:
    image = {
        "axes": axes(c=None, z="nanometer", y="micrometer", x="angstrom"),
        "datasets": [level(1, 40, 0.004, 40, path="full/res")],
    }
    volume = open_image(write(tmp_path, image, VOXELS[None], version=version))
    np.testing.assert_array_equal(volume.sections(1, 2), VOXELS[1:])
    assert volume.voxel_size_nm_zyx == pytest.approx((40, 4, 4))


def test_the_scale_of_the_image_multiplies_that_of_the_level(tmp_path: Path) -> None:
    image = {
        "axes": axes(z="nanometer", y="nanometer", x="nanometer"),
        "datasets": [level(1, 2, 2)],
        "coordinateTransformations": [{"type": "scale", "scale": [30, 4, 4]}, {"type": "translation"}],
    }
    assert open_image(write(tmp_path, image)).voxel_size_nm_zyx == (30, 8, 8)


@pytest.mark.parametrize(
    "image",
    [
        {"axes": axes(z=None, y=None, x=None), "datasets": [level(30, 4, 4)]},
        {"axes": axes(z="parsec", y="parsec", x="parsec"), "datasets": [level(30, 4, 4)]},
        {"axes": ["z", "y", "x"], "datasets": [{"path": "0"}]},
    ],
)
def test_no_voxel_size_is_given_where_no_length_is_stated(image: dict[str, Any], tmp_path: Path) -> None:
    assert open_image(write(tmp_path, image)).voxel_size_nm_zyx is None


@pytest.mark.parametrize(
    ("image", "voxels", "named"),
    [
        ({"axes": axes(c=None, z=None, y=None, x=None), "datasets": [level()]}, np.ones((2, 2, 3, 4)), "channels"),
        ({"axes": axes(x=None, y=None, z=None), "datasets": [level()]}, VOXELS, "another order"),
        ({"axes": axes(z="nm", y="nm", x="nm"), "datasets": [level(30, 0, 4)]}, VOXELS, "three positive"),
        ({"axes": 3, "datasets": [level()]}, VOXELS, "cannot be understood"),
    ],
)
def test_an_image_that_is_no_volume_is_refused(image: dict[str, Any], voxels: Any, named: str, tmp_path: Path) -> None:
    path = write(tmp_path, image, voxels)
    with pytest.raises(InputError, match=named):
        open_volume(path)


def test_labels_beside_an_image_are_found(tmp_path: Path) -> None:
    path = write_ome_zarr(tmp_path, VOXELS)
    inner = zarr.open_group(path, mode="a").create_group("labels").create_group("axons")
    inner.attrs["multiscales"] = [MULTISCALE]
    inner.create_array("0", data=VOXELS.astype(np.uint32) + 1)
    assert open_labels(path).spec == f"{path}:labels/axons/0"
    assert open_labels(f"{path}:labels/axons").section(0)[0, 0] == 1
    assert open_image(path).spec == f"{path}:0"


def test_several_labels_are_named_in_the_message(tmp_path: Path) -> None:
    path = write_ome_zarr(tmp_path, VOXELS)
    for name in ("axons", "cells"):
        inner = zarr.open_group(path, mode="a").require_group("labels").create_group(name)
        inner.attrs["multiscales"] = [MULTISCALE]
        inner.create_array("0", data=VOXELS)
    with pytest.raises(InputError, match="labels/axons, labels/cells"):
        open_volume(f"{path}:labels")


def test_a_level_that_the_metadata_name_and_the_folder_lacks_is_refused(tmp_path: Path) -> None:
    path = write_ome_zarr(tmp_path, VOXELS)
    shutil.rmtree(path / "0")
    with pytest.raises(InputError, match="dataset not found"):
        open_image(path)


def test_an_array_nested_in_groups_is_found(tmp_path: Path) -> None:
    group = zarr.create_group(tmp_path / "v.zarr")
    group.create_array("volumes/raw", data=VOXELS).attrs["voxel_size_nm_zyx"] = [40, 4, 4]
    group.create_array("volumes/labels", data=VOXELS)
    assert open_image(f"{tmp_path}/v.zarr:volumes/raw").voxel_size_nm_zyx == (40, 4, 4)
    with pytest.raises(InputError, match="volumes/labels"):
        open_image(tmp_path / "v.zarr")


def test_a_chunk_that_lies_elsewhere_is_refused(tmp_path: Path) -> None:
    path = write_ome_zarr(tmp_path, VOXELS)
    chunk = path / "0" / "0.0.0"
    chunk.rename(tmp_path / "outside")
    chunk.symlink_to(tmp_path / "outside")
    volume = open_image(path)
    with pytest.raises(InputError, match="leaves"):
        volume.section(0)


def test_an_array_that_lies_elsewhere_is_refused(tmp_path: Path) -> None:
    zarr.create_array(tmp_path / "outside", data=VOXELS)
    zarr.create_group(tmp_path / "v.zarr")
    (tmp_path / "v.zarr" / "raw").symlink_to(tmp_path / "outside")
    with pytest.raises(InputError, match="leaves"):
        open_image(tmp_path / "v.zarr")


@pytest.mark.parametrize("name", ["../outside", "/../outside", "a/../../outside"])
def test_a_name_that_climbs_out_of_the_folder_is_refused(name: str, tmp_path: Path) -> None:
    zarr.create_array(tmp_path / "outside", data=VOXELS)
    zarr.create_group(tmp_path / "v.zarr").create_array("raw", data=VOXELS)
    with pytest.raises(InputError, match="dataset not found"):
        open_volume(f"{tmp_path}/v.zarr:{name}")


def test_a_folder_with_broken_metadata_is_refused(tmp_path: Path) -> None:
    path = write_ome_zarr(tmp_path, VOXELS)
    (path / "0" / ".zarray").write_text(json.dumps({"zarr_format": 2})[:-3])
    with pytest.raises(InputError, match="cannot be read as Zarr"):
        open_image(path)


def test_a_folder_that_only_calls_itself_zarr_is_refused(tmp_path: Path) -> None:
    (tmp_path / "v.zarr").mkdir()
    with pytest.raises(InputError, match="cannot be read as Zarr"):
        open_image(tmp_path / "v.zarr")


def test_a_damaged_chunk_is_reported_with_its_sections(tmp_path: Path) -> None:
    path = write_ome_zarr(tmp_path, np.ones((2, 64, 64), np.uint8))
    (path / "0" / "0.0.0").write_bytes(b"no")
    with pytest.raises(InputError, match="sections 0:1 of"):
        open_image(path).section(0)
