"""How far a segmentation or a membrane is from the truth: VOI, adapted Rand error, Dice."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from loop.contingency import contingency
from loop.errors import InputError
from loop.metrics_overlap import overlap_of
from loop.metrics_partition import partition_scores


class Agreement(BaseModel):
    """Agreement of a segmentation with the truth; truth 0 is ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    voi_split: float
    """H(segmentation | truth), bits: how much objects are cut apart."""
    voi_merge: float
    """H(truth | segmentation), bits: how much objects are run together."""
    adapted_rand_error: float
    """One minus the harmonic mean of pair precision and pair recall (SNEMI3D's measure)."""
    precision: float
    """Share of the pixel pairs joined by the segmentation that the truth joins; merges lower it."""
    recall: float
    """Share of the pixel pairs joined by the truth that the segmentation joins; splits lower it."""
    dice: float
    """Dice coefficient of the membrane class."""

    @property
    def voi(self) -> float:
        """VOI split + merge, bits."""
        return self.voi_split + self.voi_merge


def agreement(segmentation: NDArray[Any], truth: NDArray[Any], *, dice: float) -> Agreement:
    """Compare a segmentation with the truth.

    Parameters
    ----------
    segmentation, truth : ndarray of unsigned int, any equal shape
        Instance ids; pixels where the truth is 0 are ignored.
    dice : float
        Dice coefficient of the membrane, computed by `dice`.

    Raises
    ------
    InputError
        If the shapes differ or the truth holds no object.
    """
    scores = partition_scores(contingency(segmentation, truth))
    return Agreement(dice=dice, **{name: getattr(scores, name) for name in Agreement.model_fields if name != "dice"})


def dice(predicted: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Dice coefficient of two masks of equal shape; two empty masks agree (1.0)."""
    return overlap_of(predicted, truth).dice


def mean_agreement(sections: Sequence[Agreement]) -> Agreement:
    """Mean of every measure over sections, each section counting once."""
    if not sections:
        raise InputError("no section to average", given="an empty list", expected="one or more", fix="name sections")
    return Agreement(**{name: float(np.mean([getattr(s, name) for s in sections])) for name in Agreement.model_fields})
