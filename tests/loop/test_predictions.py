from pathlib import Path

import numpy as np
import pytest

from loop.errors import InputError
from loop.predictions import PredictionStore
from loop.volume import open_volume


def test_a_killed_prediction_goes_on_with_the_missing_sections(tmp_path: Path) -> None:
    store = PredictionStore.create(tmp_path / "p.zarr", shape=(4, 2, 2), voxel_size_nm_zyx=(30, 12, 12))
    store.write(1, np.full((2, 2, 2), 0.6), np.full((2, 2, 2), 0.01))
    again = PredictionStore.create(tmp_path / "p.zarr", shape=(4, 2, 2), voxel_size_nm_zyx=(30, 12, 12))
    assert again.missing([0, 1, 2, 3]) == [0, 3]
    assert again.membrane(2) == pytest.approx(153 / 255)
    assert again.variance(2) == pytest.approx(0.01, rel=1e-3)


def test_a_section_that_was_not_predicted_is_refused(tmp_path: Path) -> None:
    store = PredictionStore.create(tmp_path / "p.zarr", shape=(4, 2, 2), voxel_size_nm_zyx=None)
    with pytest.raises(InputError, match="section 3 is not predicted"):
        store.membrane(3)


def test_predictions_open_like_any_volume(tmp_path: Path) -> None:
    PredictionStore.create(tmp_path / "p.zarr", shape=(4, 2, 2), voxel_size_nm_zyx=(30, 12, 12))
    volume = open_volume(f"{tmp_path}/p.zarr:membrane")
    assert volume.dtype == np.uint8
    assert (volume.shape, volume.voxel_size_nm_zyx) == ((4, 2, 2), (30.0, 12.0, 12.0))
