"""What a network can be taught to draw, and how the membrane is read from its drawing."""

import torch
from torch import Tensor

from models.affinities import LONG_RANGE, NEAREST
from models.names import TargetName

OUTPUTS: dict[TargetName, int] = {
    "membrane": 1,
    "affinities": len(NEAREST) + len(LONG_RANGE),
    "signed_distance": 1,
    "binary": 1,
}
"""Channels that a network gives for each target."""

_IN_SECTION = [number for number, (z, _, _) in enumerate(NEAREST) if z == 0]


def membrane_probability(logits: Tensor, target: TargetName) -> Tensor:
    """Read the probability of membrane, (batch, 1, z, y, x), from what a network gives, (batch, channel, z, y, x)."""
    return membrane_drawn(logits if target == "signed_distance" else logits.sigmoid(), target)


def membrane_drawn(drawn: Tensor, target: TargetName) -> Tensor:
    """Read the membrane from a target, or from a drawing of one.

    Parameters
    ----------
    drawn : (batch, channel, z, y, x) float
        `membrane`, `binary`: a probability. `affinities`: a probability for each of `NEAREST` and `LONG_RANGE`; a voxel
        is as much membrane as it is parted from a neighbour in its section. `signed_distance`: px from the
        membrane's edge, of which the logistic function is taken.
    target : str
        What it is a drawing of. Of chosen instances, everything else is their surroundings, and so membrane.

    Returns
    -------
    (batch, 1, z, y, x) float
        In [0, 1], 1 = membrane.
    """
    match target:
        case "membrane":
            return drawn
        case "affinities":
            return 1.0 - drawn[:, _IN_SECTION].amin(dim=1, keepdim=True)
        case "signed_distance":
            return torch.sigmoid(-drawn)
        case "binary":
            return 1.0 - drawn
