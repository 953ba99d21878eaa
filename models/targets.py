"""What the network learns to draw: membrane, from the instances that people label."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage


def membrane_target(labels: NDArray[np.unsignedinteger], *, border_px: int = 1) -> NDArray[np.bool_]:
    """Tell membrane from inside, section by section.

    Parameters
    ----------
    labels : (z, y, x) unsigned
        Instances; 0 is membrane or extracellular space.
    border_px : int
        How far membrane reaches into an instance from the place where another instance or 0 begins; 0 leaves only
        the voxels labelled 0. Instances that touch get 2 * border_px of membrane between them.

    Returns
    -------
    (z, y, x) bool
        True where there is membrane. The edge of the array is no border.
    """
    membrane: NDArray[np.bool_] = labels == 0
    if border_px == 0:
        return membrane
    differs = np.zeros(labels.shape, dtype=bool)
    down, right = labels[:, 1:] != labels[:, :-1], labels[:, :, 1:] != labels[:, :, :-1]
    differs[:, 1:] |= down
    differs[:, :-1] |= down
    differs[:, :, 1:] |= right
    differs[:, :, :-1] |= right
    if border_px > 1:
        in_section = ndimage.generate_binary_structure(3, 1)
        in_section[[0, 2]] = False
        differs = ndimage.binary_dilation(differs, in_section, iterations=border_px - 1)
    membrane |= differs
    return membrane
