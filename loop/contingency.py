"""How many voxels each object of a segmentation shares with each true one: all that comparisons of partitions need."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loop.errors import InputError

Ids = NDArray[np.uint64]


@dataclass(frozen=True)
class Contingency:
    """The pairs of ids that meet, and in how many voxels; voxels whose truth is 0 are not in it.

    Attributes
    ----------
    segmentation, truth : (pair,) uint64
        The two ids of each pair; 0 of the segmentation is an id like others.
    voxels : (pair,) float64
        Exact up to 2**53.
    """

    segmentation: Ids
    truth: Ids
    voxels: NDArray[np.float64]

    def segmentation_sizes(self) -> NDArray[np.float64]:
        """Voxels of each object of the segmentation."""
        return _summed(self.segmentation, self.voxels)

    def truth_sizes(self) -> NDArray[np.float64]:
        """Voxels of each true object."""
        return _summed(self.truth, self.voxels)


def contingency(segmentation: NDArray[Any], truth: NDArray[Any]) -> Contingency:
    """Count the pairs of ids of two label arrays of equal shape.

    Labels repeat along rows, so runs are counted in place of voxels: what is sorted is a small part of the array.
    """
    require_same_shape(segmentation, truth)
    given, true = np.ravel(segmentation), np.ravel(truth)
    changes = np.flatnonzero((given[1:] != given[:-1]) | (true[1:] != true[:-1])) + 1
    starts = np.concatenate(([0], changes)) if given.size else changes
    lengths = np.diff(starts, append=given.size)
    starts, lengths = starts[true[starts] != 0], lengths[true[starts] != 0]
    return _reduced(given[starts].astype(np.uint64), true[starts].astype(np.uint64), lengths.astype(np.float64))


def merged(parts: Iterable[Contingency]) -> Contingency:
    """Add the counts of the blocks of a volume."""
    blocks = list(parts)
    return _reduced(
        np.concatenate([block.segmentation for block in blocks]),
        np.concatenate([block.truth for block in blocks]),
        np.concatenate([block.voxels for block in blocks]),
    )


def require_same_shape(segmentation: NDArray[Any], truth: NDArray[Any]) -> None:
    """Refuse two arrays of different shape."""
    if segmentation.shape != truth.shape:
        raise InputError(
            "segmentation and truth differ in shape",
            given=f"{segmentation.shape} and {truth.shape}",
            expected="the same (z, y, x)",
            fix="crop both to the same voxels",
        )


def _reduced(segmentation: Ids, truth: Ids, voxels: NDArray[np.float64]) -> Contingency:
    given, given_index = np.unique(segmentation, return_inverse=True)
    true, true_index = np.unique(truth, return_inverse=True)
    pairs, index = np.unique(given_index * np.int64(len(true)) + true_index, return_inverse=True)
    counts = np.asarray(np.bincount(index, weights=voxels, minlength=len(pairs)), dtype=np.float64)
    return Contingency(given[pairs // max(len(true), 1)], true[pairs % max(len(true), 1)], counts)


def _summed(ids: Ids, voxels: NDArray[np.float64]) -> NDArray[np.float64]:
    _, index = np.unique(ids, return_inverse=True)
    return np.asarray(np.bincount(index, weights=voxels), dtype=np.float64)
