"""What a contingency table says of a segmentation: VOI, adapted Rand, the scores of CREMI and of ISBI 2012."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loop.contingency import Contingency
from loop.errors import InputError


@dataclass(frozen=True)
class PartitionScores:
    """Scores over the voxels whose truth is not 0, that is, restricted to the foreground.

    Attributes
    ----------
    voi_split, voi_merge : float
        H(segmentation | truth) and H(truth | segmentation), bits (Meila 2007).
    adapted_rand_error : float
        One minus the harmonic mean of pair precision and recall (SNEMI3D; Arganda-Carreras et al. 2015). A pair is
        two different voxels.
    precision, recall : float
        Share of the pairs that the segmentation joins which the truth joins too, and the other way round.
    cremi_score : float
        Geometric mean of VOI split + merge and adapted Rand error (cremi.org), 0 = perfect.
    rand_split, rand_merge, rand : float
        V^Rand of ISBI 2012 (Arganda-Carreras et al. 2015): as recall, precision and their harmonic
        mean, but each voxel also makes a pair with itself; 1 = perfect.
    information_split, information_merge, information : float
        V^Info of ISBI 2012 (the same): mutual information over the entropy of the segmentation, over
        that of the truth, and the harmonic mean of both; 1 = perfect.
    """

    voi_split: float
    voi_merge: float
    adapted_rand_error: float
    precision: float
    recall: float
    cremi_score: float
    rand_split: float
    rand_merge: float
    rand: float
    information_split: float
    information_merge: float
    information: float


def partition_scores(table: Contingency) -> PartitionScores:
    """Score a segmentation by its contingency table with the truth.

    Raises
    ------
    InputError
        If the truth holds no object.
    """
    if not len(table.voxels):
        raise InputError(
            "the truth holds no object",
            given="labels that are 0 everywhere",
            expected="at least one labelled object",
            fix="choose sections that are labelled",
        )
    both, given, true = table.voxels, table.segmentation_sizes(), table.truth_sizes()
    joint, segmentation, truth = (_entropy(sizes) for sizes in (both, given, true))
    # differences of entropies may miss 0 by rounding
    split, merge = max(0.0, joint - truth), max(0.0, joint - segmentation)
    shared = max(0.0, segmentation + truth - joint)
    precision, recall = _share(_pairs(both), _pairs(given)), _share(_pairs(both), _pairs(true))
    error = 1 - _share(2 * _pairs(both), _pairs(given) + _pairs(true))
    return PartitionScores(
        voi_split=split,
        voi_merge=merge,
        adapted_rand_error=error,
        precision=precision,
        recall=recall,
        cremi_score=float(np.sqrt((split + merge) * error)),
        rand_split=_share(_squares(both), _squares(true)),
        rand_merge=_share(_squares(both), _squares(given)),
        rand=_share(2 * _squares(both), _squares(given) + _squares(true)),
        information_split=_share(shared, segmentation),
        information_merge=_share(shared, truth),
        information=_share(2 * shared, segmentation + truth),
    )


def _entropy(sizes: NDArray[np.float64]) -> float:
    share = sizes / sizes.sum()
    return float(-(share * np.log2(share)).sum())


def _squares(sizes: NDArray[np.float64]) -> float:
    return float(sizes @ sizes)


def _pairs(sizes: NDArray[np.float64]) -> float:
    return float(sizes @ (sizes - 1))


def _share(part: float, whole: float) -> float:
    """Give part over whole; of nothing, everything."""
    return part / whole if whole else 1.0
