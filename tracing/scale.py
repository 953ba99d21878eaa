"""How large a pixel is where nobody says: by the objects themselves."""

from collections.abc import Iterable
from typing import Any

import fastremap
import numpy as np
from numpy.typing import NDArray

_LARGER_OBJECT_NM = 340.0
"""Root of the area that three of four profiles in neuropil stay below: 330 to 360 in mouse cortex (AC4)."""
_QUANTILE = 0.75
_SENSIBLE_NM = (0.5, 500.0)


def guessed_pixel_nm(sections: Iterable[NDArray[Any]]) -> float | None:
    """Guess the size of a pixel from the objects of some sections (y, x); None where there is none.

    Registration and costs were chosen for neurites, so what counts is how many pixels one measures: with this guess
    they are the same whatever the magnification.
    """
    areas_px = [fastremap.unique(section[section > 0], return_counts=True)[1] for section in sections]
    every = np.concatenate([np.zeros(0), *areas_px])
    if not len(every):
        return None
    larger_px = float(np.sqrt(np.quantile(every, _QUANTILE)))
    return float(np.clip(_LARGER_OBJECT_NM / larger_px, *_SENSIBLE_NM))
