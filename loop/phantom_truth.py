"""The phantom's exact labels: one id for each connected object, 0 for walls and gaps."""

import numpy as np
from numpy.typing import NDArray
from skimage import measure

from loop.phantom_config import PIXEL_NM, PhantomConfig
from loop.phantom_walls import Walls

SMALLEST_OBJECT_VOXELS = 60
SMALLEST_CUT_PX = 14
"""A smaller piece of a fibre in a section is taken for wall."""
LARGEST_HOLE_PX = 60
"""A wall that encloses no more than this within one fibre looks like one of its organelles, and counts as such."""
OBLIQUE_SHARE, OBLIQUE_PX = 0.2, 6.0
"""A wall that moves by s pixels within the section is widened to either side by this share of s, s at most 6."""


def ground_truth(walls: list[Walls], slips: NDArray[np.float64], config: PhantomConfig) -> NDArray[np.uint16]:
    """Label (z, y, x) by connected object; sections are moved back by their slip (sections, 2) before they connect."""
    half = config.wall_half_width_nm / PIXEL_NM
    shift = np.rint(slips).astype(int)
    pad = int(np.abs(shift).max()) + 1
    widths = [half + OBLIQUE_SHARE * np.clip(w.shift_px, 0, OBLIQUE_PX) for w in walls]
    owners = np.stack([np.where(w.distance_px > width, w.owner, 0) for w, width in zip(walls, widths, strict=True)])
    owners = np.stack([_without_holes(_without_small(plane)) for plane in _parted(owners)])
    steady = np.pad(np.zeros_like(owners), ((0, 0), (pad, pad), (pad, pad)))
    rows, columns = owners.shape[1:]
    places = [(z, slice(pad + y, pad + y + rows), slice(pad + x, pad + x + columns)) for z, (y, x) in enumerate(shift)]
    for z, place in enumerate(places):
        steady[place] = owners[z]
    connected = measure.label(steady, connectivity=3)
    sizes = np.bincount(connected.ravel())
    sizes[0] = 0
    new = np.zeros(len(sizes), np.uint16)
    kept = sizes >= SMALLEST_OBJECT_VOXELS
    new[kept] = np.arange(1, kept.sum() + 1)
    return np.stack([new[connected[place]] for place in places])


def _parted(owners: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Blank the pixels (z, y, x) where two fibres would touch within a section."""
    result = owners.copy()
    for before, after in ((result[:, :-1], result[:, 1:]), (result[:, :, :-1], result[:, :, 1:])):
        before[(before != after) & (after > 0)] = 0
    return result


def _without_small(plane: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Blank the cuts in a section (y, x) that are too small."""
    parts = measure.label(plane, connectivity=1)
    small = np.bincount(parts.ravel()) < SMALLEST_CUT_PX
    return np.where(small[parts], np.uint16(0), plane)


def _without_holes(plane: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Fill the small holes in a section (y, x) that lie within one fibre."""
    filled = plane.copy()
    for hole in measure.regionprops(measure.label(plane == 0, connectivity=2)):
        if hole.area <= LARGEST_HOLE_PX:
            y, x, stop_y, stop_x = hole.bbox
            around = plane[max(y - 1, 0) : stop_y + 1, max(x - 1, 0) : stop_x + 1]
            owners = np.unique(around[around > 0])
            if len(owners) == 1:
                filled[y:stop_y, x:stop_x][hole.image] = owners[0]
    return filled
