"""Specks of background that are not worth a junction in an outline."""

import cc3d
import numpy as np
from numpy.typing import NDArray


def without_specks(regions: NDArray[np.int32], largest_px: int, *, share: float) -> NDArray[np.int32]:
    """Give small pieces of background to the largest region beside them.

    A pixel of background between three objects cuts their outlines into six arcs. Half of the arcs in dense labels
    of real EM come from such specks.

    Parameters
    ----------
    regions : (y, x) int32
        0 is background.
    largest_px : int
        Specks up to this size are given away.
    share : float
        No region takes specks of more than this share of its own pixels.

    Returns
    -------
    (y, x) int32
    """
    if not largest_px or not regions.any():
        return regions
    background = np.asarray(cc3d.connected_components(regions == 0, connectivity=4), np.int32)
    sizes = np.bincount(background.ravel())
    is_speck = sizes <= largest_px
    is_speck[0] = False
    inside = np.nonzero(is_speck[background])
    speck, region = _neighbours(background, inside, regions)
    if not len(speck):
        return regions
    areas = np.bincount(regions.ravel())
    order = np.lexsort((region, areas[region], speck))
    last = np.flatnonzero(np.diff(speck[order], append=-1))
    speck, region = speck[order][last], region[order][last]

    order = np.lexsort((speck, sizes[speck], region))
    speck, region = speck[order], region[order]
    taken = np.cumsum(sizes[speck])
    first = np.searchsorted(region, region)
    given = taken - (taken - sizes[speck])[first] <= share * areas[region]
    taker = np.zeros(len(sizes), np.int32)
    taker[speck[given]] = region[given]
    filled = regions.copy()
    filled[inside] = taker[background[inside]]
    return filled


def _neighbours(
    background: NDArray[np.int32], specks: tuple[NDArray[np.intp], ...], regions: NDArray[np.int32]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Give every speck, of which `specks` are the pixels, and region that share a side, some of them repeatedly."""
    width = regions.shape[1] + 2
    padded = np.pad(regions, 1).ravel()
    y, x = specks
    pixel = (y + 1) * width + x + 1
    speck = np.tile(background[specks], 4).astype(np.intp)
    region = np.concatenate([padded[pixel + away] for away in (1, -1, width, -width)]).astype(np.intp)
    return speck[region > 0], region[region > 0]
