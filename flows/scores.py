"""What a segmentation scores, section by section and in all."""

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loop.contingency import Contingency, contingency, merged
from loop.errors import InputError
from loop.metrics import Agreement
from loop.metrics_overlap import Overlap
from loop.metrics_partition import partition_scores

_NOTHING = np.zeros(0, np.uint8)
_MERGED_AT = 64
"""Tables of sections that are kept before they are added up, which costs time by the pairs in all."""


class Scores(Agreement):
    """Agreement with the truth of a section or a volume, and what challenges score besides; truth 0 is ignored."""

    cremi_score: float
    """Geometric mean of VOI and adapted Rand error (CREMI), 0 = perfect."""
    rand: float
    """V^Rand, foreground-restricted (ISBI 2012), 1 = perfect."""
    rand_split: float
    """Its part that splits lower."""
    rand_merge: float
    """Its part that merges lower."""
    information: float
    """V^Info, foreground-restricted (ISBI 2012), 1 = perfect."""
    information_split: float
    """Its part that splits lower."""
    information_merge: float
    """Its part that merges lower."""


class Tally:
    """Scores the sections that pass by.

    Attributes
    ----------
    sections : dict of int to Scores
        Of each section by itself; those without truth are not there.
    """

    def __init__(self) -> None:
        self.sections: dict[int, Scores] = {}
        self._tables = [contingency(_NOTHING, _NOTHING)]
        self._overlap = Overlap(0, 0)

    def add(self, z: int, segmentation: NDArray[Any], truth: NDArray[Any], found: Overlap) -> None:
        """Take in the objects of section `z`, `(y, x)`, whose membranes overlap as `found`."""
        table = contingency(segmentation, truth)
        if len(table.voxels):
            self.sections[z] = _scores(table, found)
        self._tables, self._overlap = [*self._tables, table], self._overlap + found
        if len(self._tables) == _MERGED_AT:
            self._tables = [merged(self._tables)]

    @property
    def voxels(self) -> float:
        """How many voxels count."""
        return sum(float(table.voxels.sum()) for table in self._tables)

    def whole(self) -> Scores:
        """Score all sections as one volume."""
        return _scores(merged(self._tables), self._overlap)

    def mean(self) -> Scores:
        """Give the mean of the sections, each counting once."""
        if not self.sections:
            raise InputError(
                "the truth holds no object",
                given="labels that are 0 everywhere",
                expected="one or more",
                fix="label some",
            )
        of_sections = self.sections.values()
        return Scores(**{name: float(np.mean([getattr(s, name) for s in of_sections])) for name in Scores.model_fields})


def _scores(table: Contingency, overlap: Overlap) -> Scores:
    return Scores(dice=overlap.dice, **asdict(partition_scores(table)))
