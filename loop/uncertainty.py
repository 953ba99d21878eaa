"""How unsure a model is of a section: entropy of its mean and variance over test-time augmentation."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict


class Uncertainty(BaseModel):
    """Uncertainty of one section, both parts in [0, 1]."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    entropy_bits: float
    """Mean binary entropy of the membrane probability per pixel, bits: the model cannot decide."""
    disagreement: float
    """Mean variance over the augmented views, relative to its maximum of 0.25: the model contradicts itself."""

    @property
    def score(self) -> float:
        """Sum of both parts; higher is more uncertain."""
        return self.entropy_bits + self.disagreement

    @property
    def reason(self) -> str:
        """Why an annotator should look at the section, in words."""
        return (
            f"The model is undecided (entropy {self.entropy_bits:.3f} bits a pixel) "
            f"and views disagree ({self.disagreement:.3f} of 1)."
        )


def section_uncertainty(membrane: NDArray[Any], variance: NDArray[Any]) -> Uncertainty:
    """Measure the uncertainty of a section.

    Parameters
    ----------
    membrane : ndarray of float, shape (y, x)
        Membrane probability in [0, 1], mean over views.
    variance : ndarray of float, shape (y, x)
        Variance of the probability over views, at most 0.25.
    """
    return Uncertainty(
        entropy_bits=float(entropy_map(membrane).mean()), disagreement=float(4 * np.mean(variance, dtype=np.float64))
    )


def uncertainty_map(membrane: NDArray[Any], variance: NDArray[Any]) -> NDArray[np.float64]:
    """Give every pixel's share (y, x) of the score: the score of a section, or of any part of it, is the mean."""
    return entropy_map(membrane) + 4 * np.asarray(variance, dtype=np.float64)


def margin_map(membrane: NDArray[Any]) -> NDArray[np.float64]:
    """Give how near every pixel is to a tie of the two classes: 1 at a probability of 0.5, 0 at 0 and at 1."""
    return 1 - np.abs(2 * np.asarray(membrane, dtype=np.float64) - 1)


def information_map(membrane: NDArray[Any], variance: NDArray[Any]) -> NDArray[np.float64]:
    """Give what every pixel's class and the view that is asked tell about each other, bits (BALD over views).

    To second order in the deviations of the views from their mean p, the mutual information is variance / (2 p (1 - p))
    nats (the Taylor series of the entropy around p); it cannot exceed the entropy of p. So the mean and the variance
    over views will do, and their entropies need not be stored.

    Parameters
    ----------
    membrane, variance : ndarray of float, shape (y, x)
        Mean and variance of the probability over views.
    """
    p = np.clip(np.asarray(membrane, dtype=np.float64), 1e-3, 1 - 1e-3)
    nats = np.asarray(variance, dtype=np.float64) / (2 * p * (1 - p))
    return np.asarray(np.minimum(nats / np.log(2), entropy_map(membrane)))


def divergence_map(members: Sequence[NDArray[Any]]) -> NDArray[np.float64]:
    """Give how far several models contradict each other about every pixel: their Jensen-Shannon divergence, bits."""
    of_mean = entropy_map(np.asarray(np.mean(members, axis=0, dtype=np.float64)))
    return np.asarray(np.maximum(of_mean - np.mean([entropy_map(member) for member in members], axis=0), 0))


def entropy_map(membrane: NDArray[Any]) -> NDArray[np.float64]:
    """Give the binary entropy of every pixel, bits."""
    p = np.clip(np.asarray(membrane, dtype=np.float64), 1e-7, 1 - 1e-7)
    return np.asarray(-(p * np.log2(p) + (1 - p) * np.log2(1 - p)))
