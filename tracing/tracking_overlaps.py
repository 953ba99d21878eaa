"""Which objects of two labelled planes share pixels, and how many."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracing.tracking_runs import Indices, runs_of_planes, summed


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
    runs = runs_of_planes(first, second)
    a, b = (plane.ravel()[runs.start].astype(np.int64) for plane in (first, second))
    areas = (summed(side, runs.length_px, count + 1) for side, count in zip((a, b), counts, strict=True))
    both = (a > 0) & (b > 0)
    keys, owner = np.unique(a[both] * (counts[1] + 1) + b[both], return_inverse=True)
    return Overlap(*np.divmod(keys, counts[1] + 1), summed(owner, runs.length_px[both], len(keys)), *areas)
