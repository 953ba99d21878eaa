"""A picture of an answer for its reviewer: the section with the outlines before and after."""

import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import find_boundaries

SAME, BEFORE, AFTER = (0, 225, 255), (255, 45, 85), (255, 209, 0)
"""Outlines that stayed, that were taken away, that are new."""
_LARGE_ENOUGH_PX = 1000  # smaller sections are drawn enlarged: an outline is a pixel wide and would hide thin objects


def overlay(
    image: NDArray[np.uint8], before: NDArray[np.unsignedinteger], after: NDArray[np.unsignedinteger]
) -> NDArray[np.uint8]:
    """Draw both labellings over a section.

    Parameters
    ----------
    image : (y, x) uint8
    before, after : (y, x) unsigned integer
        The pre-annotation and what the annotator made of it; 0 is background.

    Returns
    -------
    (y, x, 3) uint8
        Small sections are enlarged, each pixel to a square of pixels.
    """
    times = max(_LARGE_ENOUGH_PX // max(image.shape), 1)
    image, before, after = (np.kron(layer, np.ones((times, times), layer.dtype)) for layer in (image, before, after))
    picture = np.repeat(image[..., None], 3, axis=2)
    old, new = (find_boundaries(labels, mode="inner") for labels in (before, after))
    for mask, colour in ((old & new, SAME), (old & ~new, BEFORE), (new & ~old, AFTER)):
        picture[mask] = colour
    return picture
