"""Where in a section a model is unsure: the borders that it half sees."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects
from skimage.morphology import skeletonize

from loop.blurring import blurred
from loop.doubts import Doubt, Spot
from loop.places import Tile
from loop.uncertainty import uncertainty_map

_SMOOTHING_PX = 1.0  # so that noise makes no ridges
_SEEN = 0.25  # a ridge of the membrane probability above this may be a border
_SURE = 0.7  # and one that nowhere near reaches this is a doubtful one
_GAP_PX = 6  # doubtful ridges this near are one stretch
_SHORTEST_PX = 8  # shorter stretches are noise
_SPOTS = 3
_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)
_MARGIN_PX = 12  # of a mark around its stretch, so that the border stays free to see
_LARGEST_PX = 60  # a mark that is larger points at nothing


def doubt_of(
    membrane: NDArray[Any], variance: NDArray[Any], *, labelled_sections_away: int, tile: Tile | None = None
) -> Doubt:
    """Find the doubtful borders of a section, or of a tile of it.

    A border is a ridge of the membrane probability. The flanks of every sure membrane are half probable too, so a
    ridge is judged by the highest probability beside it.

    Parameters
    ----------
    membrane : ndarray of float, shape (y, x)
        Membrane probability of the whole section, in [0, 1].
    variance : ndarray of float, shape (y, x)
        Its variance over views, at most 0.25.
    labelled_sections_away : int
        As the result's field.
    tile : Tile, optional
        Only what lies inside counts.
    """
    window = tile.window if tile else np.s_[:, :]
    p = np.asarray(membrane[window], np.float32)
    stretch, lengths, long = _stretches(p)
    weight = np.bincount(stretch.ravel(), uncertainty_map(p, variance[window]).ravel())
    worst = long[np.argsort(-weight[long], kind="stable")[:_SPOTS]]
    bounds = find_objects(stretch)
    corner = (tile.y_px, tile.x_px) if tile else (0, 0)
    return Doubt(
        border_px=int(lengths[long].sum()),
        stretches=len(long),
        spots=[_around(bounds[number - 1], corner) for number in worst.tolist()],
        labelled_sections_away=labelled_sections_away,
    )


def doubt_density(membrane: NDArray[Any]) -> NDArray[np.float64]:
    """Spread every doubtful stretch of border over its pixels (y, x): the sum over any part is how many lie there."""
    stretch, lengths, long = _stretches(np.asarray(membrane, np.float32))
    share = np.zeros(len(lengths))
    share[long] = 1 / lengths[long]
    return np.asarray(share[stretch], np.float64)


def _stretches(
    p: NDArray[np.float32],
) -> tuple[NDArray[np.signedinteger], NDArray[np.signedinteger], NDArray[np.signedinteger]]:
    """Give the weak stretches of border, numbered, their lengths in px, and which of them are no noise."""
    ridge = skeletonize(blurred(p, _SMOOTHING_PX) > _SEEN)
    weak = ridge & (cv2.dilate(p, np.ones((3, 3), np.uint8)) < _SURE)
    near = cv2.dilate(weak.view(np.uint8), _CROSS, iterations=_GAP_PX // 2)
    stretch = np.where(weak, cv2.connectedComponents(near, connectivity=4)[1], 0)
    lengths = np.bincount(stretch.ravel())
    long = np.flatnonzero(lengths >= _SHORTEST_PX)
    return stretch, lengths, long[long > 0]


def _around(bounds: tuple[slice, ...], corner: tuple[int, int]) -> Spot:
    rows, columns = bounds
    radius = int(np.hypot(rows.stop - rows.start, columns.stop - columns.start) / 2) + _MARGIN_PX
    return Spot(
        y_px=corner[0] + (rows.start + rows.stop) // 2,
        x_px=corner[1] + (columns.start + columns.stop) // 2,
        radius_px=min(radius, _LARGEST_PX),
    )
