"""Which objects of two labelled planes share pixels, and how many."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Overlap:
    """Pairs of objects that share pixels, and the area of every object.

    Attributes
    ----------
    first, second : (pairs,) int64
        Object of either plane, in ascending order of the first and then the second.
    shared_px : (pairs,) float64
        Pixels that the pair shares.
    first_px, second_px : (objects + 1,) float64
        Area of each object; entry 0 is the background.
    """

    first: Indices
    second: Indices
    shared_px: NDArray[np.float64]
    first_px: NDArray[np.float64]
    second_px: NDArray[np.float64]

    def iou(self) -> NDArray[np.float64]:
        """Intersection over union of each pair."""
        return self.shared_px / (self.first_px[self.first] + self.second_px[self.second] - self.shared_px)

    def shared_by(self, first: Indices, second: Indices) -> NDArray[np.float64]:
        """Give the shared pixels of any pairs, 0 where they share none."""
        known, asked = self._keys(self.first, self.second), self._keys(first, second)
        at = np.searchsorted(known, asked)
        found = np.append(known, -1)[at] == asked
        return np.where(found, np.append(self.shared_px, 0)[at], 0)

    def _keys(self, first: Indices, second: Indices) -> Indices:
        return first * np.int64(len(self.second_px)) + second

    def best_both_ways(self) -> NDArray[np.bool_]:
        """Say of each pair whether neither object overlaps a third one better."""
        iou = self.iou()
        best_first, best_second = np.zeros(len(self.first_px)), np.zeros(len(self.second_px))
        np.maximum.at(best_first, self.first, iou)
        np.maximum.at(best_second, self.second, iou)
        return np.asarray((iou == best_first[self.first]) & (iou == best_second[self.second]))


def overlap(first: NDArray[np.int32], second: NDArray[np.int32], counts: tuple[int, int]) -> Overlap:
    """Overlay two labelled planes (y, x) with objects 1 to `counts`."""
    a, b = first.ravel(), second.ravel()
    both = (a > 0) & (b > 0)
    size = (counts[0] + 1, counts[1] + 1)
    table = sparse.coo_array((np.ones(int(both.sum()), np.float64), (a[both], b[both])), shape=size).tocsr()
    table.sum_duplicates()
    pairs = table.tocoo()
    areas = (np.bincount(plane, minlength=n).astype(np.float64) for plane, n in zip((a, b), size, strict=True))
    return Overlap(pairs.coords[0].astype(np.int64), pairs.coords[1].astype(np.int64), pairs.data, *areas)
