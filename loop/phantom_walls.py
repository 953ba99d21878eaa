"""From fibres to space: which fibre owns each pixel, how far its wall is, and how steeply the wall is cut.

Each fibre has a signed distance (pixels to its surface, negative inside). The smallest one owns the pixel; the wall is
where the smallest equals the second. The second is taken as a soft minimum of all others, which rounds the corners
where three fibres meet and leaves the extracellular gaps there.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from loop.phantom_bundle import Fibre, Strand

Plane: TypeAlias = NDArray[np.float32]

SOFTNESS_PX = 1.3
REACH_PX = 30.0
GAP_PX = 16.0
THINNEST_PX = 2.0


@dataclass(frozen=True)
class Walls:
    """One section: the owner of each pixel and the wall around it."""

    owner: NDArray[np.uint16]
    """(y, x), 1 + index of the fibre, 0 where no fibre is near."""
    distance_px: Plane
    """In-plane distance to the middle of the wall; negative in an extracellular gap."""
    shift_px: Plane
    """How far the wall moves within the thickness of the section: 0 is cut upright, large is cut obliquely."""


def section_walls(fibres: list[Fibre], z: int, where: Plane, moving: Plane) -> Walls:
    """Compute the walls of section `z`.

    Parameters
    ----------
    fibres : list of Fibre
        The bundle; those that cross come last and push the others aside.
    where : ndarray of float32, shape (2, y, x)
        Tissue coordinates (y, x) of each pixel, bent and slipped as the section is.
    moving : ndarray of float32, shape (2, y, x)
        How the tissue coordinates change from one section to the next.
    """
    field = _Field(where.shape[1:])
    for index, fibre in enumerate(fibres):
        alive = [s for s in fibre.strands if s.covers(z) and s.radius_px[z - s.first] > THINNEST_PX]
        window = _window(alive, z, where)
        if window is not None:
            field.add(index + 1, window, *_distance(alive, z, where[:, *window], moving[:, *window]), fibre.crosses)
    return field.walls()


class _Field:
    """Running smallest distance and soft sum of all distances, each with its derivatives in y, x and z."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.owner = np.zeros(shape, np.uint16)
        self.nearest = np.full(shape, GAP_PX, np.float32)
        self.slope = np.zeros((3, *shape), np.float32)
        self.total = np.full(shape, np.exp(-GAP_PX / SOFTNESS_PX), np.float32)
        self.total_slope = np.zeros((3, *shape), np.float32)

    def add(self, index: int, window: tuple[slice, slice], distance: Plane, slope: Plane, crosses: bool) -> None:
        nearest, total = self.nearest[window], self.total[window]
        own, sums = self.slope[:, *window], self.total_slope[:, *window]
        if crosses:
            push = np.clip(-distance - nearest, 0, None)
            pushed = push > 0
            turn = np.where(pushed, -slope - own, 0)
            nearest += push
            total *= np.exp(-push / SOFTNESS_PX)
            sums *= np.exp(-push / SOFTNESS_PX)
            sums += total * turn
            own += turn
        weight = np.exp(-distance / SOFTNESS_PX)
        total += weight
        sums += weight * slope
        wins = distance < nearest
        np.copyto(nearest, distance, where=wins)
        np.copyto(own, slope, where=wins)
        self.owner[window][wins] = index

    def walls(self) -> Walls:
        own = np.exp(-self.nearest / SOFTNESS_PX)
        rest = np.clip(self.total - own, 1e-7 * self.total, None)
        second = -SOFTNESS_PX * np.log(rest)
        slope = (self.total_slope - own * self.slope) / rest - self.slope
        steepness = np.clip(np.hypot(slope[0], slope[1]) / 2, 0.3, 1.2)
        distance = (second - self.nearest) / 2 / steepness
        near = rest > 1e-4 * self.total  # deeper inside a fibre the others are lost in float32
        return Walls(self.owner, distance, np.where(near, np.abs(slope[2]) / 2 / steepness, 0))


def _window(strands: list[Strand], z: int, where: Plane) -> tuple[slice, slice] | None:
    """Find the pixels that the strands can reach, roughly; None where they are outside the picture."""
    boxes = []
    for strand in strands:
        k = z - strand.first
        stretch = np.abs(strand.lean[k])
        half = strand.radius_px[k] * np.sqrt(1 + stretch**2) + REACH_PX
        centre = strand.centre_px[k] - (where[:, 0, 0])
        boxes.append((centre - half, centre + half))
    if not boxes:
        return None
    low = np.clip(np.min([box[0] for box in boxes], axis=0), 0, None).astype(int)
    high = np.clip(np.max([box[1] for box in boxes], axis=0) + 1, 0, where.shape[1:]).astype(int)
    return None if (high <= low).any() else (slice(low[0], high[0]), slice(low[1], high[1]))


def _distance(strands: list[Strand], z: int, where: Plane, moving: Plane) -> tuple[Plane, Plane]:
    """Signed distance to the union of strands, and its slopes in y, x (per pixel) and z (per section)."""
    nearest: Plane | None = None
    for strand in strands:
        k = z - strand.first
        drift, radius = strand.drift_px[k], strand.radius_px
        offset = where - strand.centre_px[k].astype(np.float32)[:, None, None]
        lean = float(np.hypot(*strand.lean[k]))
        if lean > 1e-3:
            axis = (strand.lean[k] / lean).astype(np.float32)
            along = axis[0] * offset[0] + axis[1] * offset[1]
            offset_m = offset - np.float32(lean**2 / (1 + lean**2)) * axis[:, None, None] * along
        else:
            offset_m = offset
        length = np.sqrt(np.clip((offset * offset_m).sum(axis=0), 1e-2, None))
        grad = offset_m / length
        swell = np.float32(radius[min(k + 1, len(radius) - 1)] - radius[max(k - 1, 0)]) / 2
        climb = (grad * (moving - drift.astype(np.float32)[:, None, None])).sum(axis=0) - swell
        distance = length - np.float32(radius[k])
        bundle = np.stack([grad[0], grad[1], climb])
        if nearest is None:
            nearest, slopes = distance, bundle
        else:
            closer = distance < nearest
            nearest, slopes = np.where(closer, distance, nearest), np.where(closer, bundle, slopes)
    assert nearest is not None
    return nearest, slopes
