"""Marker watershed that looks only at what is not decided yet."""

from typing import Any

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation
from skimage.segmentation import watershed


def flooded(
    barrier: NDArray[Any], seeds: NDArray[np.int32], within: NDArray[np.bool_] | None = None
) -> NDArray[np.int32]:
    """Let seeds grow, the lowest pixels of the barrier first, until they meet.

    Parameters
    ----------
    barrier : ndarray, shape (y, x) or (z, y, x)
        High where growth shall end.
    seeds : ndarray of int32, same shape
        Positive ids, 0 = none.
    within : ndarray of bool, same shape, optional
        What lies outside stays 0.

    Returns
    -------
    ndarray of int32, same shape
        0 only where no seed came.

    Notes
    -----
    Marker watershed by flooding (Meyer 1994), by scikit-image. Pixels are neighbours by faces. The inside of a seed
    changes nothing, so that only what has no id yet and the rim around it is given to it.
    """
    empty = seeds == 0 if within is None else (seeds == 0) & within
    if not empty.any():
        return seeds if within is None else seeds * within
    rim = binary_dilation(empty, mask=within)
    grown = watershed(barrier, seeds, mask=rim)
    kept = seeds if within is None else seeds * within
    return np.where(empty, grown, kept)


def spread(seeds: NDArray[np.int32], low: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Give each connected piece of `low` (y, x) that has one seed to that seed, as any watershed of it would."""
    pieces = cc3d.connected_components(low, connectivity=4)
    at = np.flatnonzero(seeds)
    piece, name = pieces.ravel()[at], seeds.ravel()[at]
    least = np.full(int(pieces.max()) + 1, np.iinfo(np.int32).max, np.int32)
    most = np.zeros(len(least), np.int32)
    np.minimum.at(least, piece, name)
    np.maximum.at(most, piece, name)
    owner = np.where(least == most, most, 0)
    owner[0] = 0
    return np.asarray(np.where(seeds > 0, seeds, owner[pieces]), np.int32)
