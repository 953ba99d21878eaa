"""The scores of CREMI for synaptic clefts, or for any thin class: distances in nm, not overlap."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy.spatial import cKDTree

from loop.contingency import require_same_shape
from loop.volume_stored import VoxelSize

THRESHOLD_NM = 200.0
"""CREMI's: farther away than this, a voxel was invented or missed."""


class CleftScores(BaseModel):
    """How far found and true clefts lie from each other (cremi.org, "synaptic cleft detection")."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    false_positives: int
    """Found voxels farther than 200 nm from any true one."""
    false_negatives: int
    """True voxels farther than 200 nm from any found one."""
    adgt_nm: float | None
    """Mean distance of found voxels to the nearest true one, nm; 0 if none was found, null if only none is true."""
    adf_nm: float | None
    """Mean distance of true voxels to the nearest found one, nm; 0 if none is true, null if only none was found."""


class CleftCounter:
    """Compares two masks while their sections pass by; the memory it takes grows with the voxels inside of them.

    Parameters
    ----------
    voxel_size_nm_zyx : tuple of float
        Size of a voxel.
    threshold_nm : float
        In place of CREMI's.
    """

    def __init__(self, voxel_size_nm_zyx: VoxelSize, threshold_nm: float = THRESHOLD_NM) -> None:
        self._size, self._threshold_nm = np.asarray(voxel_size_nm_zyx), threshold_nm
        self._found: list[NDArray[np.float64]] = [np.zeros((0, 3))]
        self._true: list[NDArray[np.float64]] = [np.zeros((0, 3))]

    def add(self, z: int, found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> None:
        """Take in the masks `(y, x)` of section `z`."""
        require_same_shape(found, truth)
        for voxels, mask in ((self._found, found), (self._true, truth)):
            inside = np.argwhere(mask)
            voxels.append(np.column_stack((np.full(len(inside), z), inside)).astype(np.float64))

    def scores(self) -> tuple[CleftScores, dict[int, CleftScores]]:
        """Give the scores of all voxels, and of those of each section by itself; distances are always in 3D."""
        found, true = np.concatenate(self._found), np.concatenate(self._true)
        to_truth, to_found = _distances_nm(found * self._size, true * self._size)
        sections = sorted({*found[:, 0].astype(int).tolist(), *true[:, 0].astype(int).tolist()})
        return self._scores(to_truth, to_found), {
            z: self._scores(to_truth[found[:, 0] == z], to_found[true[:, 0] == z]) for z in sections
        }

    def _scores(self, to_truth: NDArray[np.float64], to_found: NDArray[np.float64]) -> CleftScores:
        return CleftScores(
            false_positives=int(np.count_nonzero(to_truth > self._threshold_nm)),
            false_negatives=int(np.count_nonzero(to_found > self._threshold_nm)),
            adgt_nm=_mean(to_truth),
            adf_nm=_mean(to_found),
        )


def cleft_scores(
    found: NDArray[np.bool_],
    truth: NDArray[np.bool_],
    *,
    voxel_size_nm_zyx: VoxelSize,
    threshold_nm: float = THRESHOLD_NM,
) -> CleftScores:
    """Compare two masks `(z, y, x)` of equal shape."""
    require_same_shape(found, truth)
    counter = CleftCounter(voxel_size_nm_zyx, threshold_nm)
    for z, pair in enumerate(zip(found, truth, strict=True)):
        counter.add(z, *pair)
    return counter.scores()[0]


def _distances_nm(
    first_nm: NDArray[np.float64], second_nm: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the distance from each point of one set to the nearest of the other; infinite where there is none."""
    if not len(first_nm) or not len(second_nm):
        return np.full(len(first_nm), np.inf), np.full(len(second_nm), np.inf)
    first, second = cKDTree(first_nm, balanced_tree=False), cKDTree(second_nm, balanced_tree=False)
    return np.asarray(second.query(first_nm)[0]), np.asarray(first.query(second_nm)[0])


def _mean(distances_nm: NDArray[Any]) -> float | None:
    if not distances_nm.size:
        return 0.0
    mean = float(distances_nm.mean())
    return mean if np.isfinite(mean) else None
