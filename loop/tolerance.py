"""Where the exact course of a boundary does not matter."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from skimage.segmentation import find_boundaries


def without_boundaries(truth: NDArray[Any], tolerance_px: float) -> NDArray[Any]:
    """Give true labels `(z, y, x)` with 0 near boundaries, so that scores ignore what lies there.

    Parameters
    ----------
    truth : ndarray of unsigned int, shape (z, y, x)
        Instance ids.
    tolerance_px : float
        A pixel beside another label of its section is at distance 0 from the boundary; those nearer than this become
        0. With 0, nothing does. The challenges at CREMI and ISBI 2012 leave boundaries out in the same way.
    """
    if tolerance_px <= 0:
        return truth
    return np.stack([_without_boundaries(section, tolerance_px) for section in truth])


def _without_boundaries(section: NDArray[Any], tolerance_px: float) -> NDArray[Any]:
    boundary = find_boundaries(section, mode="thick")
    if not boundary.any():
        return section
    return np.where(distance_transform_edt(~boundary) < tolerance_px, 0, section).astype(section.dtype)
