"""Peaks of a height that stand out: the h-maxima of mathematical morphology, without sorting every pixel."""

import cv2
import numpy as np
from numpy.typing import NDArray

_EVERYTHING_HIGHER = 3.0e38


def peaks(height: NDArray[np.float32], depth: float) -> NDArray[np.int32]:
    """Find the maxima from which every way to a higher pixel leads down by at least a depth.

    Parameters
    ----------
    height : ndarray of float32, shape (y, x)
        Any heights.
    depth : float
        How far down, in units of the height.

    Returns
    -------
    ndarray of int32, shape (y, x)
        One pixel of every peak, numbered from 1, highest first; 0 elsewhere.

    Notes
    -----
    The same as h-maxima by reconstruction (Soille, Morphological Image Analysis, 2003, 6.3.4), but that of two equally
    high maxima without such a way between them one stays. A maximum is a peak if nothing higher lies in the area around
    it that is at most `depth` lower. Any lower maximum in that area has a larger area with the same higher pixel, so it
    is none and need not be looked at: maxima are taken from the highest down, and few are looked at in vain.
    """
    y, x = np.nonzero(height == cv2.dilate(height, np.ones((3, 3), np.uint8)))
    unseen = np.zeros(height.shape, np.bool_)
    unseen[y, x] = True
    padded = np.zeros((height.shape[0] + 2, height.shape[1] + 2), np.uint8)
    filled = padded[1:-1, 1:-1].view(np.bool_)
    found = np.zeros(height.shape, np.int32)
    count = 0
    how = 8 | cv2.FLOODFILL_FIXED_RANGE | cv2.FLOODFILL_MASK_ONLY | 1 << 8
    for at in np.argsort(-height[y, x], kind="stable").tolist():
        top = (int(y[at]), int(x[at]))
        if not unseen[top]:
            continue
        *_, (left, up, wide, high) = cv2.floodFill(height, padded, top[::-1], 0, depth, _EVERYTHING_HIGHER, how)
        box = (slice(up, up + high), slice(left, left + wide))
        if cv2.minMaxLoc(height[box], padded[1:-1, 1:-1][box])[1] <= height[top]:
            count += 1
            found[top] = count
        unseen[box] &= ~filled[box]
        filled[box] = False
    return found
