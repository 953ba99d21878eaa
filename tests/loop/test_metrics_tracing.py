"""Scores of clefts, skeletons and links, and the tolerance at boundaries: small cases counted by hand."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from loop.metrics_cleft import CleftCounter, cleft_scores
from loop.metrics_links import LinkCounter, link_scores
from loop.metrics_skeleton import expected_run_length_nm
from loop.tolerance import tolerance_px_of, without_boundaries

SIZE = (40.0, 4.0, 4.0)


def masks() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    return np.zeros((8, 1, 1), dtype=bool), np.zeros((8, 1, 1), dtype=bool)


def test_cleft_distances_are_physical() -> None:
    found, truth = masks()
    found[[0, 7]] = True
    truth[1] = True
    scores = cleft_scores(found, truth, voxel_size_nm_zyx=SIZE)
    # 40 nm and 240 nm away, the second beyond 200 nm
    assert (scores.false_positives, scores.false_negatives) == (1, 0)
    assert (scores.adgt_nm, scores.adf_nm) == (140, 40)


def test_clefts_of_which_one_side_is_empty_are_all_wrong() -> None:
    found, truth = masks()
    truth[2:5] = True
    scores = cleft_scores(found, truth, voxel_size_nm_zyx=SIZE)
    assert (scores.false_positives, scores.false_negatives, scores.adgt_nm, scores.adf_nm) == (0, 3, 0, None)


def test_each_section_of_clefts_is_scored_by_distances_in_3d() -> None:
    counter = CleftCounter(SIZE)
    for z, (found, true) in enumerate([(1, 0), (0, 1), (0, 0), (1, 0)]):
        counter.add(z, np.array([[found]], dtype=bool), np.array([[true]], dtype=bool))
    whole, sections = counter.scores()
    assert (whole.adgt_nm, whole.adf_nm) == (60, 40)
    assert {z: (scores.adgt_nm, scores.adf_nm) for z, scores in sections.items()} == {
        0: (40, 0),
        1: (0, 40),
        3: (80, 0),
    }


def test_cleft_distances_are_those_of_the_distance_transform() -> None:
    rng = np.random.default_rng(0)
    found, truth = rng.random((2, 6, 30, 40)) < 0.02
    to_truth = distance_transform_edt(~truth, sampling=SIZE)[found]
    scores = cleft_scores(found, truth, voxel_size_nm_zyx=SIZE, threshold_nm=40)
    assert scores.adgt_nm == pytest.approx(to_truth.mean(), abs=1e-6)
    assert scores.false_positives == np.count_nonzero(to_truth > 40)


def run_length(segments: list[int], skeletons: list[int]) -> float:
    """Nodes 100 nm apart, joined one after the other within each skeleton."""
    nodes = np.column_stack((np.arange(len(segments)) * 100.0, np.zeros((len(segments), 2))))
    edges = [[i, i + 1] for i in range(len(segments) - 1) if skeletons[i] == skeletons[i + 1]]
    return expected_run_length_nm(
        nodes, np.array(edges), skeletons=np.array(skeletons), segments=np.array(segments, dtype=np.uint64)
    )


@pytest.mark.parametrize(
    ("segments", "skeletons", "expected"),
    [
        ([5, 5, 5, 5, 5], [1] * 5, 400),  # whole
        ([5, 5, 5, 6, 6], [1] * 5, (200**2 + 100**2) / 400),  # split: its edge belongs to no run
        ([5, 5, 5, 0, 0], [1] * 5, 200**2 / 400),  # lost
        ([5, 5, 5, 5, 6, 6], [1, 1, 1, 2, 2, 2], 100**2 / 400),  # 5 holds two skeletons
    ],
)
def test_expected_run_length(segments: list[int], skeletons: list[int], expected: float) -> None:
    assert run_length(segments, skeletons) == pytest.approx(expected)


def test_nodes_that_are_not_sure_make_no_merger() -> None:
    segments, skeletons = np.array([5, 5, 5, 5, 6, 6], np.uint64), np.array([1, 1, 1, 2, 2, 2])
    nodes, edges = np.outer(np.arange(6.0), np.array([100.0, 0, 0])), np.array([[0, 1], [1, 2], [3, 4], [4, 5]])
    sure = np.array([1, 1, 1, 0, 1, 1], bool)
    found = expected_run_length_nm(nodes, edges, skeletons=skeletons, segments=segments, sure=sure)
    assert found == pytest.approx((200**2 + 100**2) / 400)


def stack(*sections: list[int]) -> NDArray[np.uint32]:
    """Sections of profiles, one px each."""
    return np.array(sections, dtype=np.uint32)[:, None]


TRUTH = stack([1, 2, 3], [1, 2, 3], [1, 2, 0])


def test_right_links_are_right_whatever_their_ids() -> None:
    scores = link_scores(np.where(TRUTH > 0, TRUTH + 10, 0), TRUTH)
    assert (scores.recall, scores.precision, scores.identity_switches) == (1, 1, 0)


def test_two_objects_that_change_places_are_two_switches() -> None:
    scores = link_scores(stack([1, 2, 3], [1, 2, 3], [2, 1, 0]), TRUTH)
    # 5 true links, of which the 2 of the last section are missed; 5 made, of which these 2 are wrong
    assert (scores.recall, scores.precision, scores.identity_switches) == (3 / 5, 3 / 5, 2)


def test_a_track_that_breaks_off_costs_recall_but_no_precision() -> None:
    scores = link_scores(stack([1, 2, 3], [1, 2, 4], [1, 2, 0]), TRUTH)
    assert (scores.recall, scores.precision, scores.identity_switches) == (4 / 5, 1, 1)


def test_a_track_that_is_lost_and_found_again_is_no_switch() -> None:
    scores = link_scores(stack([1, 2, 3], [0, 2, 3], [1, 2, 0]), TRUTH)
    assert (scores.recall, scores.precision, scores.identity_switches) == (3 / 5, 1, 0)


def test_objects_run_together_make_links_that_are_wrong() -> None:
    scores = link_scores(np.where(TRUTH == 2, 1, TRUTH), TRUTH)
    # objects 1 and 2 with one id: 4 links between each two sections, of which 2 are true; and the one of object 3
    assert (scores.recall, scores.precision, scores.identity_switches) == (1, 5 / 9, 0)


def test_the_links_between_two_sections_are_scored_by_themselves() -> None:
    counter = LinkCounter()
    tracks = stack([1, 2, 3], [1, 2, 3], [2, 1, 0])
    found = [counter.add(*pair) for pair in zip(tracks, TRUTH, strict=True)]
    assert [(one.recall, one.precision, one.identity_switches) for one in found] == [(1, 1, 0), (1, 1, 0), (0, 0, 2)]


def test_near_boundaries_the_truth_is_left_out() -> None:
    truth = np.repeat([[[1] * 5 + [2] * 5]], 6, axis=1).astype(np.uint8)
    assert without_boundaries(truth, 1)[0, 0].tolist() == [1, 1, 1, 1, 0, 0, 2, 2, 2, 2]
    assert without_boundaries(truth, 2)[0, 0].tolist() == [1, 1, 1, 0, 0, 0, 0, 2, 2, 2]
    np.testing.assert_array_equal(without_boundaries(truth, 0), truth)


def cremi_border(section: NDArray[np.uint8], most_px: float) -> NDArray[np.bool_]:
    """As CREMI has it: pixels with another label above, below or beside them, and what is at most so far from one."""
    around = np.pad(section, 1, mode="edge")
    sides = around[:-2, 1:-1], around[2:, 1:-1], around[1:-1, :-2], around[1:-1, 2:]
    return np.asarray(distance_transform_edt(np.all([section == side for side in sides], axis=0)) <= most_px)


@pytest.mark.parametrize("pixel_nm", [4.0, 5.0, 12.0, 25.0, 30.0])
def test_a_tolerance_in_nm_is_that_of_cremi(pixel_nm: float) -> None:
    rng = np.random.default_rng(0)
    section = np.kron(rng.integers(0, 4, (5, 5)), np.ones((12, 9), int)).astype(np.uint8)
    section[rng.integers(0, 60, 5), rng.integers(0, 45, 5)] = 9
    kept = without_boundaries(section[np.newaxis], tolerance_px_of(25, (30, pixel_nm, pixel_nm)))[0]
    np.testing.assert_array_equal(kept, np.where(cremi_border(section, 25 / pixel_nm), 0, section))
