"""How sure the model is of an object's outline, so that a sure one need not be watched."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, find_objects, maximum_filter

_REACH_PX = 2  # membrane belongs to a border when it stands this near
_CORE_PX = 2  # nearer to the border than this, membrane inside is the border's own
_WEAKEST, _WORST = 0.1, 0.98  # shares of the border's pixels, and of the inside's


def confidence_of(pieces: NDArray[np.int32], membrane: NDArray[np.float32]) -> NDArray[np.float64]:
    """Tell how well the membrane map supports each outline.

    Parameters
    ----------
    pieces : (y, x) int32
        0 for background, else the piece, numbered from 1 (`annotation.boundaries.pieces_of`).
    membrane : (y, x) float32
        Membrane probability.

    Returns
    -------
    (n,) float64
        In [0, 1], for each piece the product of two probabilities: that even the weakest tenth of its border is
        membrane (else it is part of a larger object), and that even the darkest fiftieth of its inside is none (else
        it is two objects). Where the image ends, no membrane is expected.
    """
    near = maximum_filter(membrane, 2 * _REACH_PX + 1)
    confidence = np.zeros(int(pieces.max(initial=0)))
    for number, window in enumerate(find_objects(pieces), start=1):
        own = np.pad(pieces[window] == number, 1)
        depth = distance_transform_edt(own)[1:-1, 1:-1]
        at_edge = np.zeros(pieces.shape, np.bool_)[window]
        at_edge[0] = window[0].start == 0
        at_edge[-1] |= window[0].stop == pieces.shape[0]
        at_edge[:, 0] |= window[1].start == 0
        at_edge[:, -1] |= window[1].stop == pieces.shape[1]
        border = (depth == 1) & ~at_edge
        core = depth > _CORE_PX
        support = np.quantile(near[window][border], _WEAKEST) if border.any() else 1.0
        doubt = np.quantile(membrane[window][core], _WORST) if core.any() else 0.0
        confidence[number - 1] = support * (1 - doubt)
    return confidence
