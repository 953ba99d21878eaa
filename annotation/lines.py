"""Many lines of points in one array, so that all of them are worked on in whole-array steps."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Lines:
    """Lines of points, one after the other.

    Attributes
    ----------
    points : (n, 2) float64
        x, y in pixels, pixel (0, 0) covering [0, 1) x [0, 1).
    starts : (lines + 1,) intp
        Line k is ``points[starts[k] : starts[k + 1]]``.
    """

    points: NDArray[np.float64]
    starts: NDArray[np.intp]

    @classmethod
    def of(cls, lines: Sequence[NDArray[np.float64]]) -> "Lines":
        """Put lines of shape (n, 2) behind one another."""
        starts = np.cumsum([0, *(len(line) for line in lines)])
        return cls(np.concatenate([np.zeros((0, 2)), *lines]), starts.astype(np.intp))

    @property
    def line_of_point(self) -> NDArray[np.intp]:
        """The line that each point belongs to."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))

    def split(self) -> list[NDArray[np.float64]]:
        """Give every line by itself."""
        return np.split(self.points, self.starts[1:-1]) if len(self.starts) > 1 else []


def ranges(starts: NDArray[np.intp], counts: NDArray[np.intp]) -> NDArray[np.intp]:
    """Give start, start + 1, ... of each range, `counts` of them, the ranges one after the other."""
    before = np.cumsum(counts) - counts
    return np.asarray(np.arange(int(counts.sum())) + np.repeat(starts - before, counts), np.intp)
