"""What sections look like: a few statistics of their image, cheap enough for every section of a volume."""

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from loop.blurring import blurred

_SCALES_PX = (0.0, 1.0, 2.0, 4.0, 8.0)
_FAR = 6.0
"""Robust standard deviations from its surroundings beyond which a section looks damaged."""
_AROUND = 3
_LEAST_SPREAD = (2.0, 2.0, 0.1, 0.1, 0.1, 0.1)
"""Grey levels for grey and contrast, natural logarithms for the bands."""
_BLANK_GREYS = 2.0
"""Standard deviation of the grey below which nothing is to be seen."""


def look_planes(image: NDArray[Any]) -> NDArray[np.float32]:
    """Give what is averaged for a look: grey, its square, and the texture's energy in four bands (y, x each).

    The bands are differences of Gaussians an octave apart (Burt and Adelson, The Laplacian pyramid as a compact image
    code, 1983).

    Parameters
    ----------
    image : ndarray, shape (y, x)
        EM section.

    Returns
    -------
    ndarray of float32, shape (6, y, x)
    """
    return np.stack(_planes(image))


def _planes(image: NDArray[Any]) -> list[NDArray[np.float32]]:
    grey = np.asarray(image, np.float32)
    scales = [blurred(grey, px) for px in _SCALES_PX]
    bands = [(fine - coarse) ** 2 for fine, coarse in pairwise(scales)]
    return [grey, grey * grey, *bands]


def looks(means: NDArray[Any]) -> NDArray[np.float64]:
    """Turn means of `look_planes`, (n, 6), into looks, (n, 6): mean grey, contrast and the logarithm of each band.

    Grey and contrast are in grey levels; a band's energy relative to the contrast is its share of the texture.
    """
    values = np.asarray(means, np.float64)
    contrast = np.sqrt(np.maximum(values[:, 1] - values[:, 0] ** 2, 0))
    return np.column_stack([values[:, 0], contrast, np.log(values[:, 2:] + 1e-3)])


def look_of(image: NDArray[Any]) -> NDArray[np.float64]:
    """Give the look of a whole section, (6,)."""
    found: NDArray[np.float64] = looks(np.array([[plane.mean(dtype=np.float64) for plane in _planes(image)]]))[0]
    return found


def damaged(found: NDArray[Any]) -> NDArray[np.bool_]:
    """Say which of some sections, ascending in z, look damaged or blank, by their looks (n, 6).

    A section is blank where its contrast is next to nothing, and damaged where a statistic lies farther than six
    standard deviations, these estimated from the median absolute deviation, from the medians of both the three sections
    before and the three after. Where the staining changes for good, nothing is damaged.
    """
    values = np.asarray(found, np.float64)
    blank = values[:, 1] < _BLANK_GREYS
    reach = min(_AROUND, len(values) - 1)
    if reach < 1:
        return np.asarray(blank)
    beyond = np.pad(values, ((reach, reach), (0, 0)), mode="reflect")
    usual = np.median(sliding_window_view(beyond, reach, axis=0), axis=-1)
    before, after = usual[: len(values)], usual[reach + 1 :]
    away = np.minimum(np.abs(values - before), np.abs(values - after))
    # a floor, so that where most sections are alike a small difference is no damage
    spread = np.maximum(1.4826 * np.median(away, axis=0), _LEAST_SPREAD)
    return np.asarray(blank | (away > _FAR * spread).any(axis=1))
