"""What a network can learn to draw, made from the instances that people label."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from loop.errors import InputError
from models.affinities import affinity_mask, affinity_target
from models.names import TargetName

_IN_SECTION = ndimage.generate_binary_structure(3, 1)
_IN_SECTION[[0, 2]] = False
DISTANCE_PX_MOST = 15.0


@dataclass(frozen=True)
class Target:
    """What is to be drawn.

    Attributes
    ----------
    name : str
        Membrane, affinities, signed distance, or chosen instances.
    border_px : int
        How far membrane reaches into each instance, see `membrane_target`; `binary` does not heed it.
    ids : tuple of int
        The instances that `binary` chooses.
    """

    name: TargetName = "membrane"
    border_px: int = 1
    ids: tuple[int, ...] = ()

    def instances(self, labels: NDArray[np.unsignedinteger]) -> NDArray[np.unsignedinteger]:
        """Give `labels` as they matter here: chosen instances become 1 and the others 0, if any are to be chosen."""
        return binary_target(labels, self.ids).astype(np.uint8) if self.name == "binary" else labels

    def drawn(
        self, instances: NDArray[np.unsignedinteger], annotated: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Draw it from `instances` (z, y, x), known where `annotated`; and tell where it counts, (channel, z, y, x)."""
        drawn, counts = self._drawn(instances, annotated)
        return np.where(counts, drawn, 0).astype(np.float32), counts.astype(np.float32)

    def _drawn(
        self, instances: NDArray[np.unsignedinteger], annotated: NDArray[np.bool_]
    ) -> tuple[NDArray[np.bool_] | NDArray[np.float32], NDArray[np.bool_]]:
        border_px = self.border_px
        match self.name:
            case "membrane":
                return membrane_target(instances, border_px=border_px)[None], loss_mask(annotated, border_px=border_px)[
                    None
                ]
            case "affinities":
                parted = np.where(membrane_target(instances, border_px=border_px), 0, instances)
                return affinity_target(parted), affinity_mask(loss_mask(annotated, border_px=border_px))
            case "signed_distance":
                # as far as the distance goes, it depends on what is not annotated
                known = loss_mask(annotated, border_px=border_px + math.ceil(DISTANCE_PX_MOST))
                return signed_distance_target(instances, border_px=border_px)[None], known[None]
            case "binary":
                return (instances > 0)[None], annotated[None]


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
        differs = ndimage.binary_dilation(differs, _IN_SECTION, iterations=border_px - 1)
    membrane |= differs
    return membrane


def loss_mask(annotated: NDArray[np.bool_], *, border_px: int = 1) -> NDArray[np.bool_]:
    """Tell where a membrane target counts, in sections of which only a part is annotated.

    Parameters
    ----------
    annotated : (z, y, x) bool
        Voxels whose label is known.
    border_px : int
        The border of the target. So close to what is not annotated nobody can say whether an instance ends.

    Returns
    -------
    (z, y, x) bool
        True where the target is right. The edge of the array cuts nothing off.
    """
    mixed = annotated.any(axis=(1, 2)) & ~annotated.all(axis=(1, 2))
    if border_px == 0 or not mixed.any():
        return annotated.copy()
    known: NDArray[np.bool_] = ndimage.binary_erosion(annotated, _IN_SECTION, iterations=border_px, border_value=1)
    return known


def binary_target(labels: NDArray[np.unsignedinteger], ids: Sequence[int]) -> NDArray[np.bool_]:
    """Mark the voxels of the instances `ids` in `labels` (z, y, x).

    Raises
    ------
    InputError
        An id is negative or 0, which is no instance.
    """
    if any(number <= 0 for number in ids):
        raise InputError(
            "a mask cannot be made of ids that are no instances",
            given=sorted(ids),
            expected="ids above 0; 0 is membrane",
            fix="leave out the ids of 0 and less",
        )
    chosen = np.array(sorted(ids), dtype=np.uint64)
    marked: NDArray[np.bool_] = np.isin(labels, chosen)
    return marked


def signed_distance_target(
    labels: NDArray[np.unsignedinteger], *, border_px: int = 1, most_px: float = DISTANCE_PX_MOST
) -> NDArray[np.float32]:
    """Give the distance from the membrane's edge, section by section.

    Parameters
    ----------
    labels : (z, y, x) unsigned
        Instances; 0 is membrane.
    border_px : int
        As in `membrane_target`.
    most_px : float
        Distances beyond this, either way, count as this; it is also what a section without an edge gets.

    Returns
    -------
    (z, y, x) float32
        Distance in px to the nearest voxel of the other class: positive inside an instance, negative in membrane.
    """
    membrane = membrane_target(labels, border_px=border_px)
    distance = np.empty(labels.shape, dtype=np.float32)
    for section, wall in zip(distance, membrane, strict=True):
        if wall.all() or not wall.any():
            section[:] = -most_px if wall.all() else most_px
        else:
            section[:] = ndimage.distance_transform_edt(~wall) - ndimage.distance_transform_edt(wall)
    return np.clip(distance, -most_px, most_px)
