"""Where the exact course of a boundary does not matter."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from skimage.segmentation import find_boundaries

from loop.errors import InputError


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


def tolerance_px_of(tolerance_nm: float, voxel_size_nm_zyx: tuple[float, float, float]) -> float:
    """Give the tolerance in px that leaves out what CREMI's `border_threshold` of so many nm does.

    CREMI leaves out pixels at most as far as its threshold, `without_boundaries` those nearer than its own, so this is
    the next number above.

    Raises
    ------
    InputError
        If pixels are not square, where CREMI says nothing either.
    """
    _, height_nm, width_nm = voxel_size_nm_zyx
    if height_nm != width_nm:
        raise InputError(
            "a tolerance in nm needs square pixels",
            given=f"pixels of {height_nm:g} x {width_nm:g} nm",
            expected="the same in y and x",
            fix="give the tolerance in px",
        )
    return float(np.nextafter(tolerance_nm / width_nm, np.inf)) if tolerance_nm > 0 else 0.0


def _without_boundaries(section: NDArray[Any], tolerance_px: float) -> NDArray[Any]:
    boundary = find_boundaries(section, mode="thick")
    if not boundary.any():
        return section
    return np.where(distance_transform_edt(~boundary) < tolerance_px, 0, section).astype(section.dtype)
