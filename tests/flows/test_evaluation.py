import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from flows.cli import app
from flows.evaluation import evaluate_volumes
from flows.evaluation_further import Counted
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
    tolerant = evaluate_volumes(f"{stored}:shifted", f"{stored}:labels", counted=Counted(tolerance_px=2))
    assert exact.sections[0].voi_merge > 0.1
    assert tolerant.sections[0].voi_split < exact.sections[0].voi_split
    assert tolerant.volume.dice == exact.volume.dice


def walls(stored: Path, *, pixel_nm: float, to: int) -> tuple[str, str]:
    """Two true objects of 10 px along x, and the same with the wall between them 10 - `to` px too far left."""
    truth, found = (np.repeat([[[1] * at + [2] * (20 - at)]], 6, axis=1).astype(np.uint32) for at in (10, to))
    with h5py.File(stored, "a") as file:
        file["wall"], file["found"] = truth, found
        file["wall"].attrs["voxel_size_nm_zyx"] = (30, pixel_nm, pixel_nm)
    return f"{stored}:found", f"{stored}:wall"


def bits(share: float) -> float:
    """Entropy of a choice between two of which one has this share."""
    return float(-share * np.log2(share) - (1 - share) * np.log2(1 - share))


def test_a_tolerance_in_nm_leaves_out_what_cremi_leaves_out(stored: Path) -> None:
    spec = walls(stored, pixel_nm=12, to=14)
    found = evaluate_volumes(*spec, counted=Counted(tolerance_nm=25))
    # the pixels at 0, 12 and 24 nm from those beside the wall: columns 7 to 12
    assert found.tolerance is not None
    assert found.tolerance.counted == 14 / 20
    assert found.volume.voi_split == pytest.approx(7 / 14 * bits(1 / 7))
    assert found.volume.voi_merge == pytest.approx(8 / 14 * bits(1 / 8))
    assert found.tolerance.exact == evaluate_volumes(*spec).volume
    assert found.tolerance.exact.voi_split == pytest.approx(10 / 20 * bits(4 / 10))
    assert found.tolerance.exact.voi_merge == pytest.approx(14 / 20 * bits(4 / 14))


def test_a_pixel_just_as_far_away_as_the_tolerance_in_nm_is_left_out(stored: Path) -> None:
    spec = walls(stored, pixel_nm=12.5, to=13)
    assert evaluate_volumes(*spec, counted=Counted(tolerance_nm=25)).volume.voi == 0
    assert evaluate_volumes(*spec, counted=Counted(tolerance_nm=24.9)).volume.voi > 0
    assert evaluate_volumes(*spec, counted=Counted(tolerance_px=2)).volume.voi > 0


def test_a_tolerance_without_a_size_or_given_twice_or_of_oblong_pixels_is_refused(stored: Path) -> None:
    spec = f"{stored}:shifted", f"{stored}:labels"
    with pytest.raises(InputError, match="how large a voxel is"):
        evaluate_volumes(*spec, counted=Counted(tolerance_nm=25))
    with pytest.raises(InputError, match="given twice"):
        evaluate_volumes(*spec, counted=Counted(tolerance_nm=25, tolerance_px=2))
    with pytest.raises(InputError, match="square pixels"):
        evaluate_volumes(*spec, counted=Counted(tolerance_nm=25), voxel_size_nm_zyx=(30, 12, 6))


def test_with_a_tolerance_the_json_and_the_table_have_both_figures(stored: Path) -> None:
    words = ["evaluate", *walls(stored, pixel_nm=12, to=12), "--tolerance-nm", "25"]
    told = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert (told["voi_split"], told["voi_merge"]) == (0, 0)
    assert told["tolerance"]["px"] == pytest.approx(25 / 12)
    assert told["tolerance"]["exact"]["voi_split"] == pytest.approx(10 / 20 * bits(2 / 10))
    table = CliRunner().invoke(app, words).stdout
    assert "without tolerance: voi_split" in table
    assert "70% of it counts" in " ".join(table.split())


def test_a_stretch_is_compared_alone_and_keeps_its_numbers(stored: Path) -> None:
    with h5py.File(stored, "r+") as file:
        file["late"] = np.concatenate([0 * file["swapped"][:1], file["swapped"][1:]])
    spec = f"{stored}:late", f"{stored}:labels"
    part = evaluate_volumes(*spec, counted=Counted("1:3"), also=["links"])
    assert list(part.sections) == [1]
    assert part.volume.voi_merge == pytest.approx(0)
    assert part.links is not None
    assert list(part.links.sections) == [1, 2]
    assert part.unsegmented == []
    assert evaluate_volumes(*spec).unsegmented == [0]
    said = CliRunner().invoke(app, ["evaluate", *spec])
    assert "empty in sections 0:1" in said.output
    with pytest.raises(InputError, match="not one stretch"):
        evaluate_volumes(*spec, counted=Counted("0:1,2:3"))
    with pytest.raises(InputError, match="does not fit"):
        evaluate_volumes(*spec, counted=Counted("2:4"))


def test_run_length_of_a_stretch_is_that_of_the_stretch_stored_alone(stored: Path) -> None:
    truth = np.zeros((16, 12, 20), dtype=np.uint32)
    truth[:, 2:6, 2:18], truth[:, 7:11, 2:18] = 1, 2
    found = truth.copy()
    found[12:, 2:6] = 3
    add(stored, t=truth, f=found, t2=truth[4:], f2=found[4:])
    part = evaluate_volumes(f"{stored}:f", f"{stored}:t", counted=Counted("4:16"), also=["run-length"])
    alone = evaluate_volumes(f"{stored}:f2", f"{stored}:t2", also=["run-length"])
    assert part.run_length is not None
    assert part.run_length == alone.run_length
    assert 0 < part.run_length.expected_nm < part.run_length.perfect_nm


def test_truth_without_labels_is_refused(stored: Path) -> None:
    with pytest.raises(InputError, match="no object"):
        evaluate_volumes(f"{stored}:labels", f"{stored}:empty")


def followed(stored: Path) -> Path:
    """Two objects of 8 x 8 px over 20 sections; what was found loses one of them from section 10 on."""
    truth = np.zeros((20, 12, 24), np.uint32)
    truth[:, 2:10, 2:10], truth[:, 2:10, 14:22] = 1, 2
    found = truth.copy()
    found[10:][found[10:] == 2] = 3
    return add(stored, true=truth, found=found, mask=(truth > 0).astype(np.uint8))


def add(stored: Path, **datasets: NDArray[Any]) -> Path:
    with h5py.File(stored, "a") as file:
        for name, voxels in datasets.items():
            file[name] = voxels
            file[name].attrs["voxel_size_nm_zyx"] = (40.0, 40.0, 40.0)
    return stored


def test_links_are_scored_for_the_volume_and_from_section_to_section(stored: Path) -> None:
    followed(stored)
    links = evaluate_volumes(f"{stored}:found", f"{stored}:true", also=["links"]).links
    assert links is not None
    assert (links.volume.recall, links.volume.precision, links.volume.identity_switches) == (37 / 38, 1, 1)
    assert {z: one.identity_switches for z, one in links.sections.items() if one.identity_switches} == {10: 1}
    assert links.sections[10].recall == 0.5


def test_run_length_is_that_of_the_true_skeletons(stored: Path) -> None:
    followed(stored)
    found = evaluate_volumes(f"{stored}:found", f"{stored}:true", also=["run-length"]).run_length
    assert found is not None
    assert found.skeletons == 2
    assert found.perfect_nm == pytest.approx(19 * 40, rel=0.2)
    # one of the two is whole, the other is in two halves
    assert found.expected_nm == pytest.approx(found.perfect_nm * 0.75, rel=0.15)


def test_nodes_at_a_boundary_within_the_tolerance_make_no_merger(stored: Path) -> None:
    truth = np.zeros((20, 12, 24), np.uint32)
    truth[:, 2:10, 2:10], truth[:, 2:10, 14:16] = 1, 2  # the second is so thin that all of it is near its boundary
    add(stored, thin=truth, both=(truth > 0).astype(np.uint32))
    spec = f"{stored}:both", f"{stored}:thin"
    exact = evaluate_volumes(*spec, also=["run-length"]).run_length
    tolerant = evaluate_volumes(*spec, also=["run-length"], counted=Counted(tolerance_px=2)).run_length
    assert exact is not None
    assert tolerant is not None
    assert exact.expected_nm == 0
    assert tolerant.expected_nm == pytest.approx(tolerant.perfect_nm)


def test_cleft_distances_are_those_of_all_that_is_not_0(stored: Path) -> None:
    clefts, found = np.full((2, 3, 9), 2**64 - 1, np.uint64), np.zeros((2, 3, 9), np.uint8)
    clefts[0, 1, 1], found[0, 1, 3], found[1, 1, 8] = 7, 255, 1
    add(stored, clefts=clefts, mine=found)
    scores = evaluate_volumes(f"{stored}:mine", f"{stored}:clefts", also=["clefts"]).clefts
    assert scores is not None
    far = float(np.hypot(40, 7 * 40))
    assert (scores.volume.false_positives, scores.volume.false_negatives) == (1, 0)
    assert (scores.volume.adgt_nm, scores.volume.adf_nm) == pytest.approx(((80 + far) / 2, 80))
    assert scores.sections[1].adgt_nm == pytest.approx(far)


def test_what_was_not_asked_for_is_not_in_the_json(stored: Path) -> None:
    followed(stored)
    words = ["evaluate", f"{stored}:found", f"{stored}:true", "--json"]
    plain = json.loads(CliRunner().invoke(app, words).stdout)
    assert not {"links", "clefts", "run_length", "volume", "tolerance"} & plain.keys()
    more = json.loads(CliRunner().invoke(app, [*words, "--links", "--clefts"]).stdout)
    assert more["links"]["volume"]["identity_switches"] == 1
    assert more["clefts"]["volume"]["adgt_nm"] == 0
    assert {name: more[name] for name in plain} == plain
    assert "links: identity_switches" in CliRunner().invoke(app, [*words[:-1], "--links"]).stdout


def test_links_of_a_membrane_probability_and_distances_without_a_size_are_refused(stored: Path) -> None:
    add(followed(stored), membrane=np.zeros((20, 12, 24), np.uint8))
    with pytest.raises(InputError, match="not followed from section to section"):
        evaluate_volumes(f"{stored}:membrane", f"{stored}:true", also=["links"])
    with pytest.raises(InputError, match="how large a voxel is"):
        evaluate_volumes(f"{stored}:swapped", f"{stored}:labels", also=["clefts"])
