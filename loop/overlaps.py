"""Profiles of two labellings of one section, and which of them stand for each other."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loop.contingency import require_same_shape
from loop.labels import objects_of_section


@dataclass(frozen=True)
class Overlaps:
    """Pixels that the profiles of two labellings share.

    Attributes
    ----------
    sizes : two arrays of int, shape (profiles + 1,)
        Pixels of every profile of the first and of the second labelling; 0 is background.
    pairs : two arrays of int, shape (pairs,)
        Profile of the first and of the second labelling, for every two that share a pixel.
    shared : array of int, shape (pairs,)
        Pixels that the two share.
    background_px : int
        Pixels that are background in both.
    """

    sizes: tuple[NDArray[np.intp], NDArray[np.intp]] = field(compare=False)
    pairs: tuple[NDArray[np.intp], NDArray[np.intp]] = field(compare=False)
    shared: NDArray[np.intp] = field(compare=False)
    background_px: int

    @property
    def smaller_px(self) -> NDArray[np.intp]:
        """Size of the smaller profile of every pair."""
        return np.minimum(self.sizes[0][self.pairs[0]], self.sizes[1][self.pairs[1]])

    @property
    def iou(self) -> NDArray[np.float64]:
        """Intersection over union of every pair."""
        union = self.sizes[0][self.pairs[0]] + self.sizes[1][self.pairs[1]] - self.shared
        return np.asarray(self.shared / union, np.float64)

    @property
    def mutual(self) -> NDArray[np.bool_]:
        """Pairs that share more with each other than either shares with any other profile."""
        return _largest_of_each(self.pairs[0], self.shared) & _largest_of_each(self.pairs[1], self.shared)


def overlaps_of(first: NDArray[Any], second: NDArray[Any]) -> Overlaps:
    """Overlay two labellings of a section.

    Parameters
    ----------
    first, second : ndarray of unsigned int, shape (y, x)
        Instance ids, 0 = membrane; connected profiles are compared, whatever their ids.
    """
    require_same_shape(first, second)
    a, b = objects_of_section(first).ravel(), objects_of_section(second).ravel()
    sizes = np.bincount(a), np.bincount(b)
    codes, shared = np.unique(a * np.int64(len(sizes[1])) + b, return_counts=True)
    left, right = np.divmod(codes, len(sizes[1]))
    both = (left > 0) & (right > 0)
    background = shared[(left == 0) & (right == 0)]
    return Overlaps(sizes, (left[both], right[both]), shared[both], int(background.sum()))


def _largest_of_each(profiles: NDArray[np.intp], shared: NDArray[np.intp]) -> NDArray[np.bool_]:
    order = np.argsort(-shared, kind="stable")
    largest = np.zeros(len(shared), np.bool_)
    largest[order[np.unique(profiles[order], return_index=True)[1]]] = True
    return largest
