import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from skimage.metrics import adapted_rand_error, variation_of_information

from loop.contingency import contingency, merged
from loop.errors import InputError
from loop.metrics_partition import partition_scores

TWO_HALVES = np.array([[1, 1, 2, 2]] * 4, dtype=np.uint32)
ONE = np.ones((4, 4), dtype=np.uint32)

labels = hnp.arrays(np.uint64, (3, 5, 6), elements=st.sampled_from([0, 1, 2, 7, 2**40]))


@settings(max_examples=60, deadline=None)
@given(segmentation=labels, truth=labels)
def test_scores_are_those_of_scikit_image(segmentation: NDArray[np.uint64], truth: NDArray[np.uint64]) -> None:
    truth[0, 0, :2] = 1  # at least one pair
    segmentation[0, 0, :2] = 7
    compact = np.unique(segmentation, return_inverse=True)[1].reshape(truth.shape)
    true = np.unique(truth, return_inverse=True)[1].reshape(truth.shape) + (0 if (truth == 0).any() else 1)
    scores = partition_scores(contingency(segmentation, truth))
    split, merge = variation_of_information(true, compact, ignore_labels=(0,))
    error, recall, precision = adapted_rand_error(true, compact, ignore_labels=(0,))
    expected = (split, merge, error, precision, recall)
    found = (scores.voi_split, scores.voi_merge, scores.adapted_rand_error, scores.precision, scores.recall)
    assert found == pytest.approx(expected, abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(segmentation=labels, truth=labels)
def test_blocks_add_up_to_the_whole(segmentation: NDArray[np.uint64], truth: NDArray[np.uint64]) -> None:
    blocks = merged(contingency(segmentation[z : z + 1], truth[z : z + 1]) for z in range(3))
    whole = contingency(segmentation, truth)
    for name in ("segmentation", "truth", "voxels"):
        np.testing.assert_array_equal(getattr(blocks, name), getattr(whole, name))


def test_pairs_are_counted_where_the_truth_is_not_0() -> None:
    table = contingency(np.array([5, 5, 0, 6, 5], np.uint8), np.array([1, 0, 1, 1, 1], np.uint8))
    pairs = list(zip(table.segmentation.tolist(), table.truth.tolist(), table.voxels.tolist(), strict=True))
    assert pairs == [(0, 1, 1.0), (5, 1, 2.0), (6, 1, 1.0)]


def test_isbi_scores_of_two_equal_halves_run_together() -> None:
    scores = partition_scores(contingency(ONE, TWO_HALVES))
    # squares: 2 x 8^2 = 128 of the pairs, 16^2 = 256 of the one object
    assert (scores.rand_split, scores.rand_merge) == (1.0, 0.5)
    assert scores.rand == pytest.approx(2 * 128 / (256 + 128))
    assert (scores.information_split, scores.information_merge, scores.information) == (1.0, 0.0, 0.0)


def test_isbi_scores_of_an_object_cut_into_equal_halves() -> None:
    scores = partition_scores(contingency(TWO_HALVES, ONE))
    assert (scores.rand_split, scores.rand_merge) == (0.5, 1.0)
    assert (scores.information_split, scores.information_merge) == (0.0, 1.0)


def test_the_cremi_score_is_the_geometric_mean_of_voi_and_adapted_rand_error() -> None:
    scores = partition_scores(contingency(ONE, TWO_HALVES))
    # VOI is one bit; pairs: 2 x 8 x 7 = 112 true, 16 x 15 = 240 joined, so the error is 1 - 224 / 352
    assert scores.cremi_score == pytest.approx(np.sqrt(1 - 224 / 352))


def test_a_perfect_segmentation_has_perfect_scores_whatever_its_ids() -> None:
    scores = partition_scores(contingency(TWO_HALVES + 2**31, TWO_HALVES))
    assert (scores.voi_split, scores.voi_merge, scores.cremi_score) == pytest.approx((0, 0, 0), abs=1e-12)
    assert (scores.rand, scores.information) == pytest.approx((1, 1))


def test_single_voxels_without_any_pair_are_no_error() -> None:
    ids = np.arange(1, 5, dtype=np.uint8)
    assert partition_scores(contingency(ids, ids)).adapted_rand_error == 0


def test_truth_without_an_object_is_refused() -> None:
    with pytest.raises(InputError, match="no object"):
        partition_scores(contingency(ONE, np.zeros_like(ONE)))
