"""Expected run length of a stored segmentation on the skeletons of the true objects."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from flows.skeletons import skeletons_of
from loop.metrics_skeleton import RunLength, expected_run_length_nm
from loop.progress import Progress
from loop.tolerance import without_boundaries
from loop.volume import Volume, VoxelSize
from tracing.skeleton import SkeletonConfig


class RunLengthCounter:
    """Looks up the segmentation at the nodes of true skeletons while its sections pass by.

    Parameters
    ----------
    truth : Volume
        True objects, zyx, of which skeletons are made.
    voxel_size_nm_zyx : tuple of float
        Size of a voxel.
    tolerance_px : float
        Nodes nearer than this to a true boundary make no merger.
    progress : Progress
        Hears of the sections of which skeletons are made.
    """

    def __init__(self, truth: Volume, voxel_size_nm_zyx: VoxelSize, *, tolerance_px: float, progress: Progress) -> None:
        skeletons = list(skeletons_of(truth, voxel_size_nm_zyx, SkeletonConfig(), progress=progress).values())
        counts = np.array([len(skeleton.parents) for skeleton in skeletons], np.int64)
        firsts = np.cumsum(counts) - counts
        self._count = len(skeletons)
        self._nodes_nm = np.concatenate([np.zeros((0, 3)), *(skeleton.nodes_nm for skeleton in skeletons)])
        pairs = [skeleton.edges + first for skeleton, first in zip(skeletons, firsts, strict=True)]
        self._edges = np.concatenate([np.zeros((0, 2), np.int64), *pairs])
        self._owner = np.repeat(np.arange(1, self._count + 1), counts)
        self._voxels = np.floor(self._nodes_nm / voxel_size_nm_zyx).astype(np.int64)
        self._segments = np.zeros(len(self._nodes_nm), np.uint64)
        self._tolerance_px, self._sure = tolerance_px, np.ones(len(self._nodes_nm), np.bool_)

    def add(self, z: int, segmentation: NDArray[Any], truth: NDArray[Any]) -> None:
        """Look at section `z`, both `(y, x)`."""
        here = np.flatnonzero(self._voxels[:, 0] == z)
        at = self._voxels[here, 1], self._voxels[here, 2]
        self._segments[here] = segmentation[at]
        self._sure[here] = without_boundaries(truth[np.newaxis], self._tolerance_px)[0][at] != 0

    def scores(self) -> RunLength:
        """Give the run length of the segmentation, and of the truth itself."""
        return RunLength(
            expected_nm=self._expected_nm(self._segments),
            perfect_nm=self._expected_nm(self._owner.astype(np.uint64)),
            skeletons=self._count,
        )

    def _expected_nm(self, segments: NDArray[np.uint64]) -> float:
        return expected_run_length_nm(
            self._nodes_nm, self._edges, skeletons=self._owner, segments=segments, sure=self._sure
        )
