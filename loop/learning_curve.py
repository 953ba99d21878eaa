"""Learning curves: how an error falls with what was spent on it, and where it will be."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict

FEWEST = 3
"""Points from which on a curve is fitted."""
_EXPONENTS = np.geomspace(0.1, 2.0, 16)
_ASYMPTOTES = np.linspace(0.0, 1.0, 21)  # shares of the least error
_HEAD_STARTS = np.array([0.02, 0.1, 0.3, 1.0, 3.0])  # shares of the span
_USUAL_NOISE = 0.07  # share of the error by which two trainings on the same labels differ, docs/decisions/0013


class Forecast(BaseModel):
    """An error expected."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    value: float
    """Mean of what the fits say."""
    plus_minus: float
    """Half of the 95 % interval: how far the fits differ, and by how much one training differs from the next."""


@dataclass(frozen=True)
class LearningCurve:
    """Power laws with an offset, `c + a * (x + h) ** -b`, weighted by how well each fits.

    Attributes
    ----------
    laws : (n, 4) float64
        a, b, c and h of each.
    weights : (n,) float64
        Their sum is 1.
    noise : float
        Standard deviation of a point about its law.
    """

    laws: NDArray[np.float64]
    weights: NDArray[np.float64]
    noise: float

    def at(self, spent: float) -> Forecast:
        """Give the error to expect when so much is spent."""
        scale, exponent, asymptote, head_start = self.laws.T
        values = asymptote + scale * (spent + head_start) ** -exponent
        mean = float(self.weights @ values)
        variance = float(self.weights @ (values - mean) ** 2) + self.noise**2
        return Forecast(value=mean, plus_minus=1.96 * float(np.sqrt(variance)))


def fit_learning_curve(spent: Sequence[float], error: Sequence[float]) -> LearningCurve | None:
    """Fit what is expected of learning curves, a power law with an offset, to a few points.

    Parameters
    ----------
    spent : sequence of float
        Labelled sections, or minutes; 0 or more.
    error : sequence of float
        Hold-out VOI, for instance; above 0.

    Returns
    -------
    LearningCurve or None
        None where there are too few points, `FEWEST`, or nothing was spent between them.

    Notes
    -----
    The law is that of Hestness et al. (Deep learning scaling is predictable, empirically, arXiv:1712.00409, 2017).
    Three parameters cannot be had from three noisy points, so that none is chosen: a grid of exponents, asymptotes and
    head starts (what was known before anything was spent) is gone over, the scale of each law is its least-squares one,
    never below 0, and every law counts by its likelihood. Uncertainty is what the laws differ by.
    """
    x, y = np.asarray(spent, np.float64), np.asarray(error, np.float64)
    if len(x) < FEWEST or np.ptp(x) == 0:
        return None
    exponent, asymptote, head_start = (
        axis.ravel() for axis in np.meshgrid(_EXPONENTS, _ASYMPTOTES * y.min(), _HEAD_STARTS * np.ptp(x), indexing="ij")
    )
    basis = (x[:, None] + head_start) ** -exponent
    scale = np.maximum(((y[:, None] - asymptote) * basis).sum(axis=0) / (basis**2).sum(axis=0), 0.0)
    squares = ((y[:, None] - asymptote - scale * basis) ** 2).sum(axis=0)
    usual = (_USUAL_NOISE * float(y.mean())) ** 2  # counts for one point beside those that the fit leaves free
    noise = float(np.sqrt((usual + squares.min()) / (1 + len(x) - FEWEST)))
    weights = np.exp(-(squares - squares.min()) / (2 * noise**2))
    laws = np.stack([scale, exponent, asymptote, head_start], axis=1)
    return LearningCurve(laws, np.asarray(weights / weights.sum(), np.float64), noise)


def forecast_error(spent: ArrayLike, error: ArrayLike, *, held_back: int) -> float | None:
    """Fit a curve without its last points, and give by what share of it the forecast misses the last of them.

    None where too few points are left.
    """
    x, y = np.asarray(spent, np.float64), np.asarray(error, np.float64)
    curve = fit_learning_curve(x[:-held_back].tolist(), y[:-held_back].tolist())
    return None if curve is None else abs(curve.at(float(x[-1])).value - float(y[-1])) / float(y[-1])
