"""Affinities: which neighbouring and which farther pairs of voxels lie in one instance."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Offset = tuple[int, int, int]
NEAREST: tuple[Offset, ...] = ((-1, 0, 0), (0, -1, 0), (0, 0, -1))
"""Offsets (z, y, x) in voxels to the nearest neighbours, one along each axis."""
LONG_RANGE: tuple[Offset, ...] = ((-2, 0, 0), (-3, 0, 0), (0, -9, 0), (0, 0, -9), (0, -27, 0), (0, 0, -27))
"""Offsets (z, y, x) in voxels that show whether larger bodies are one."""


def affinity_target(
    labels: NDArray[np.unsignedinteger], offsets: Sequence[Offset] = NEAREST + LONG_RANGE
) -> NDArray[np.bool_]:
    """Tell which pairs of voxels lie in one instance.

    Parameters
    ----------
    labels : (z, y, x) unsigned
        Instances; 0 is membrane, which is one with nothing.
    offsets : sequence of (z, y, x)
        From a voxel to its partner.

    Returns
    -------
    (offset, z, y, x) bool
        True where voxel and partner have the same label above 0; False where the partner is outside.

    Notes
    -----
    Turaga et al., "Convolutional networks can learn to generate affinity graphs for image segmentation", 2010; long
    range after Lee, Zung, Li, Jain and Seung, "Superhuman accuracy on the SNEMI3D connectomics challenge", 2017.
    """
    affinity = np.zeros((len(offsets), *labels.shape), dtype=bool)
    for joined, (here, there) in zip(affinity, _pairs(labels.shape, offsets), strict=True):
        joined[here] = (labels[here] == labels[there]) & (labels[here] > 0)
    return affinity


def affinity_mask(annotated: NDArray[np.bool_], offsets: Sequence[Offset] = NEAREST + LONG_RANGE) -> NDArray[np.bool_]:
    """Tell which pairs count: those of which both voxels are inside and `annotated` (z, y, x); (offset, z, y, x)."""
    mask = np.zeros((len(offsets), *annotated.shape), dtype=bool)
    for counts, (here, there) in zip(mask, _pairs(annotated.shape, offsets), strict=True):
        counts[here] = annotated[here] & annotated[there]
    return mask


def _pairs(shape: tuple[int, ...], offsets: Sequence[Offset]) -> Iterator[tuple[tuple[slice, ...], tuple[slice, ...]]]:
    """Give, for each offset, the voxels whose partner is inside, and those partners."""
    for offset in offsets:
        # an offset beyond the array leaves empty slices, not slices that count from the end
        here = tuple(
            slice(max(0, -step), max(0, extent - max(0, step))) for step, extent in zip(offset, shape, strict=True)
        )
        there = tuple(
            slice(max(0, step), max(0, extent + min(0, step))) for step, extent in zip(offset, shape, strict=True)
        )
        yield here, there
