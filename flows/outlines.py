"""The objects that an annotator is shown."""

import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import expand_labels

from tracing.seeding import SeedingConfig, objects_of_membrane

_INSIDE_BELOW = 0.5
"""Where the network is in two minds lies the border that it was taught; objects are found at a lower threshold."""


def outlines(
    membrane: NDArray[np.float32], seeding: SeedingConfig, *, smallest_px: int, grown_px: int
) -> NDArray[np.uint32]:
    """Give objects without their membrane, as people label them; specks left out.

    Parameters
    ----------
    membrane : ndarray of float32, shape (y, x)
        Membrane probability.
    seeding : SeedingConfig
        How objects are found in it.
    smallest_px : int
        Objects of fewer pixels are specks.
    grown_px : int
        How far the network's target lets membrane reach into every object: they are grown back by as much, so that
        people find the outlines where they would draw them.

    Returns
    -------
    ndarray of uint32, shape (y, x)
        Objects; 0 between them.
    """
    objects = np.where(membrane < _INSIDE_BELOW, objects_of_membrane(membrane, seeding), 0)
    specks = np.bincount(objects.ravel()) < smallest_px
    return np.asarray(expand_labels(np.where(specks[objects], 0, objects), grown_px), dtype=np.uint32)
