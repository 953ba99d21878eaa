from pathlib import Path

import h5py
import numpy as np
import pytest

from flows.evaluation import evaluate_volumes
from loop.errors import InputError
from loop.metrics import agreement, dice
from models.targets import membrane_target


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """Two objects that change places between sections 0 and 1; section 2 is not labelled."""
    truth = np.zeros((3, 12, 20), dtype=np.uint32)
    truth[:2, :, :10], truth[:2, :, 10:] = 1, 2
    swapped = truth.copy()
    swapped[1] = truth[1, :, ::-1]
    noise = np.random.default_rng(0).integers(0, 5, truth.shape, dtype=np.uint64) * 2**33
    with h5py.File(tmp_path / "v.h5", "w") as file:
        file["labels"], file["swapped"], file["noise"], file["empty"] = truth, swapped, noise, 0 * truth
        file["shifted"] = np.roll(truth, 1, axis=2)
    return tmp_path / "v.h5"


def test_each_section_is_scored_by_itself_and_the_volume_as_a_whole(stored: Path) -> None:
    found = evaluate_volumes(f"{stored}:swapped", f"{stored}:labels")
    assert {z: scores.voi_merge for z, scores in found.sections.items()} == pytest.approx({0: 0, 1: 0})
    assert (found.volume.voi_split, found.volume.voi_merge) == pytest.approx((1, 1))


@pytest.mark.parametrize("name", ["noise", "shifted", "swapped"])
def test_reading_section_by_section_gives_the_scores_of_the_whole(name: str, stored: Path) -> None:
    with h5py.File(stored) as file:
        given, truth = file[name][:], file["labels"][:]
    whole = agreement(given, truth, dice=dice(membrane_target(given), membrane_target(truth)))
    found = evaluate_volumes(f"{stored}:{name}", f"{stored}:labels").volume
    for measure, value in whole.model_dump().items():
        assert getattr(found, measure) == pytest.approx(value), measure


def test_within_the_tolerance_a_shifted_boundary_costs_nothing(stored: Path) -> None:
    exact = evaluate_volumes(f"{stored}:shifted", f"{stored}:labels")
    tolerant = evaluate_volumes(f"{stored}:shifted", f"{stored}:labels", tolerance_px=2)
    assert exact.sections[0].voi_merge > 0.1
    assert tolerant.sections[0].voi_split < exact.sections[0].voi_split
    assert tolerant.volume.dice == exact.volume.dice


def test_truth_without_labels_is_refused(stored: Path) -> None:
    with pytest.raises(InputError, match="no object"):
        evaluate_volumes(f"{stored}:labels", f"{stored}:empty")
