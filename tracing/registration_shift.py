"""Whole displacements by which one section may lie on the next: the peaks of masked normalised cross-correlation."""

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from tracing.registration_picture import Picture

_LEAST_COMMON = 0.25
"""Share of the smaller picture's tissue that two displaced pictures must have in common."""
_APART_PX = 4
_FAINTEST = 0.02


def candidate_shifts(fixed: Picture, moving: Picture, count: int) -> list[tuple[int, int]]:
    """Give displacements (y, x) worth a closer look, other than none: the best `count`, best first.

    Plain phase correlation locks onto borders, blank areas and repeated texture. Here only tissue counts
    (Padfield 2012, Masked object registration in the Fourier domain, IEEE TIP 21:2706), correlation over little
    common area is discounted, and the choice among the peaks is left to a comparison after a dense flow.

    Parameters
    ----------
    fixed, moving : Picture
        Of equal shape (y, x).
    count : int
        How many peaks.

    Returns
    -------
    list of (int, int)
        Pixel p of `fixed` is seen at p + shift in `moving`.
    """
    score = _masked_correlation(fixed, moving)
    shifts: list[tuple[int, int]] = []
    for _ in range(count):
        y, x = np.unravel_index(int(np.argmax(score)), score.shape)
        shifts.append((_signed(int(y), score.shape[0]), _signed(int(x), score.shape[1])))
        near = [np.arange(at - _APART_PX, at + _APART_PX + 1) % n for at, n in zip((y, x), score.shape, strict=True)]
        score[np.ix_(*near)] = -1
    return [shift for shift in dict.fromkeys(shifts) if shift != (0, 0)]


def _masked_correlation(fixed: Picture, moving: Picture) -> NDArray[np.float64]:
    """Correlation for every displacement, weighted by the root of the common area; -1 where that is too small."""
    size = [fft.next_fast_len(2 * n - 1, real=True) for n in fixed.grey.shape]

    def spectrum(plane: NDArray[np.float32]) -> NDArray[np.complex64]:
        return np.asarray(fft.rfft2(plane, size))

    a, b = fixed.grey * fixed.valid, moving.grey * moving.valid
    fa, fb, ga, gb, qa, qb = map(spectrum, (a, b, fixed.valid, moving.valid, a * a, b * b))

    def correlated(one: NDArray[np.complex64], other: NDArray[np.complex64]) -> NDArray[np.float64]:
        return np.asarray(fft.irfft2(np.conj(one) * other, size), np.float64)

    common = np.maximum(correlated(ga, gb), 1)
    sum_a, sum_b = correlated(fa, gb), correlated(ga, fb)
    spread_a = np.maximum(correlated(qa, gb) - sum_a**2 / common, _FAINTEST * common)
    spread_b = np.maximum(correlated(ga, qb) - sum_b**2 / common, _FAINTEST * common)
    correlation = (correlated(fa, fb) - sum_a * sum_b / common) / np.sqrt(spread_a * spread_b)
    score = np.maximum(correlation, -1) * np.sqrt(common / common.max())
    least = _LEAST_COMMON * min(float(fixed.valid.sum()), float(moving.valid.sum()))
    return np.where(common < max(least, 16), -1, score)


def _signed(at: int, size: int) -> int:
    return at - size if at > size // 2 else at
