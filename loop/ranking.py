"""Query strategies: which sections of the pool, or which tiles of them, are worth an annotator's minutes."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loop.errors import InputError
from loop.places import Place, Tile

_STEPS = 16  # positions of a tile along its own length


def most_uncertain(scores: Mapping[Place, float], n_places: int, *, min_distance_sections: int) -> list[Place]:
    """Choose the most uncertain places, no two of which show the same.

    Neighbouring sections look alike, so two of them teach the model little more than one. Tiles of one section, or of
    neighbouring ones, may both be chosen where they have no pixel in common.

    Parameters
    ----------
    scores : mapping of Place to float
        Uncertainty of each section or tile of the pool.
    n_places : int
        How many to choose; fewer are returned where the distance leaves no more.
    min_distance_sections : int
        Least difference in z between two chosen sections, or tiles that overlap; 1 or more.

    Returns
    -------
    list of Place
        Most uncertain first; ties go to the lower z, then to the upper and the left tile.
    """
    if min_distance_sections < 1:
        raise InputError(
            "min_distance_sections is too small", given=min_distance_sections, expected="1 or more", fix="set it to 1"
        )
    chosen: list[Place] = []
    for place in sorted(scores, key=lambda place: (-scores[place], place.order)):
        if len(chosen) == n_places:
            break
        if not any(place.shows_the_same(other, min_distance_sections=min_distance_sections) for other in chosen):
            chosen.append(place)
    return chosen


def tile_scores(
    uncertainty: NDArray[Any], z: int, *, tile_px: int, labelled: Iterable[Tile] = ()
) -> dict[Place, float]:
    """Score tiles all over a section, each a sixteenth of its length from the next.

    Parameters
    ----------
    uncertainty : ndarray of float, shape (y, x)
        Share of every pixel in the score (`loop.uncertainty.uncertainty_map`).
    z : int
        The section.
    tile_px : int
        Height and width of tiles; a section that is shorter along an axis gives tiles as long as itself.
    labelled : iterable of Tile
        What is labelled already is worth nothing; a tile may overlap it where the rest of it is worth that.

    Returns
    -------
    dict of Place to float
        The mean over the tile's pixels, so tiles compare with whole sections. A tile that is the whole section is
        given as the section. Tiles of which everything is labelled are left out.
    """
    worth = np.array(uncertainty, np.float64)
    fresh = np.ones(worth.shape, np.bool_)
    for known in labelled:
        worth[known.window], fresh[known.window] = 0, False
    size = min(tile_px, worth.shape[0]), min(tile_px, worth.shape[1])
    tops, lefts = (_starts(extent, px) for extent, px in zip(worth.shape, size, strict=True))
    sums, left_over = (_window_sums(values, tops, lefts, size) for values in (worth, fresh))
    return {
        Place(z, None if size == worth.shape else Tile(top, left, *size)): float(sums[i, j] / (size[0] * size[1]))
        for i, top in enumerate(tops.tolist())
        for j, left in enumerate(lefts.tolist())
        if left_over[i, j] > 0
    }


def _starts(extent: int, px: int) -> NDArray[np.intp]:
    """Give where tiles begin along an axis, the last one at its end."""
    starts = np.append(np.arange(0, extent - px, max(px // _STEPS, 1)), extent - px)
    return np.asarray(starts, np.intp)


def _window_sums(
    values: NDArray[Any], tops: NDArray[np.intp], lefts: NDArray[np.intp], size: tuple[int, int]
) -> NDArray[Any]:
    """Sum `values` over a window at every top and left, by a summed-area table."""
    table = np.pad(values.cumsum(axis=0, dtype=np.float64).cumsum(axis=1), ((1, 0), (1, 0)))
    rows = table[tops + size[0]] - table[tops]
    return np.asarray(rows[:, lefts + size[1]] - rows[:, lefts])
