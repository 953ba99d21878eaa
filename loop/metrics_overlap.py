"""The Dice coefficient of two masks, countable block by block."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loop.contingency import require_same_shape


@dataclass(frozen=True)
class Overlap:
    """Voxels in both of two masks, and the sum of the voxels of each."""

    both: int
    total: int

    def __add__(self, other: "Overlap") -> "Overlap":
        """Join two blocks."""
        return Overlap(self.both + other.both, self.total + other.total)

    @property
    def dice(self) -> float:
        """Dice coefficient; two empty masks agree (1.0)."""
        return 2 * self.both / self.total if self.total else 1.0


def overlap_of(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Overlap:
    """Count two masks of equal shape."""
    require_same_shape(first, second)
    total = int(np.count_nonzero(first)) + int(np.count_nonzero(second))
    return Overlap(int(np.count_nonzero(first & second)), total)
