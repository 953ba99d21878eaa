"""The scores of CREMI for synaptic clefts, or for any thin class: distances in nm, not overlap."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from loop.contingency import require_same_shape
from loop.volume_stored import VoxelSize

THRESHOLD_NM = 200.0
"""CREMI's: farther away than this, a voxel was invented or missed."""


@dataclass(frozen=True)
class CleftScores:
    """How far found and true clefts lie from each other (cremi.org, "synaptic cleft detection").

    Attributes
    ----------
    false_positives, false_negatives : int
        Found voxels farther than the threshold from any true one, and true ones as far from any found one.
    adgt_nm, adf_nm : float
        Mean distance of found voxels to the nearest true one, and of true ones to the nearest found one; infinite if
        the other side is empty, 0 if this side is.
    """

    false_positives: int
    false_negatives: int
    adgt_nm: float
    adf_nm: float


def cleft_scores(
    found: NDArray[np.bool_],
    truth: NDArray[np.bool_],
    *,
    voxel_size_nm_zyx: VoxelSize,
    threshold_nm: float = THRESHOLD_NM,
) -> CleftScores:
    """Compare two masks `(z, y, x)` of equal shape."""
    require_same_shape(found, truth)
    to_truth = _distances_nm(found, truth, voxel_size_nm_zyx)
    to_found = _distances_nm(truth, found, voxel_size_nm_zyx)
    return CleftScores(
        false_positives=int(np.count_nonzero(to_truth > threshold_nm)),
        false_negatives=int(np.count_nonzero(to_found > threshold_nm)),
        adgt_nm=_mean(to_truth),
        adf_nm=_mean(to_found),
    )


def _distances_nm(voxels: NDArray[np.bool_], target: NDArray[np.bool_], size: VoxelSize) -> NDArray[Any]:
    if not target.any():
        return np.full(int(np.count_nonzero(voxels)), np.inf)
    return np.asarray(distance_transform_edt(~target, sampling=size))[voxels]


def _mean(distances_nm: NDArray[Any]) -> float:
    return float(distances_nm.mean()) if distances_nm.size else 0.0
