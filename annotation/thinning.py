"""Fewer vertices for outlines that have too many: single points go, and those that are left move to where they do best.

Points on a boundary make chords that cut every bend on its inner side. Points beside it follow the same bend with half
of them, so after each few that go the others are moved a little, as long as fewer pixels lie on the wrong side.
"""

import numpy as np
from numpy.typing import NDArray

from annotation.boundaries import Boundaries
from annotation.crowd import Crowd
from annotation.rings import vertices_of

_SHARE = 3  # of the points too many, one in so many goes before the others move,
_FEW = 4  # but not fewer than these


def thinned_of(
    boundaries: Boundaries, kept: NDArray[np.bool_], regions: NDArray[np.int32], cost: NDArray[np.float64], *,
    most: int, fixed: NDArray[np.bool_],
) -> tuple[Boundaries, NDArray[np.bool_]]:  # fmt: skip
    """Drop and move the points of contours with too many.

    Parameters
    ----------
    boundaries : Boundaries
    kept : (points of all arcs,) bool
        The points that simplified arcs consist of.
    regions : (y, x) int32
        What contours should cover.
    cost : (regions + 1,) float64
        Of a pixel that a region lacks or has too much; 0 for background.
    most : int
        Vertices that a contour may have.
    fixed : (arcs,) bool
        The arcs that stay as they are.

    Returns
    -------
    boundaries : Boundaries
        With moved points; the arcs that meet in a junction still do. Points on the image's border stay.
    kept : (points of all arcs,) bool
    """
    crowd = Crowd(boundaries, kept, regions, cost, fixed)
    excess = vertices_of(boundaries, kept) - most
    crowded = np.flatnonzero(excess > 0)[np.argsort(excess[excess > 0])[::-1]]
    arcs_of = {region: ~fixed & (boundaries.sides == region).any(axis=1) for region in crowded.tolist()}
    for together in _apart(arcs_of, crowd):
        many = (vertices_of(boundaries, crowd.kept) - most)[together]
        group_of = np.full(len(fixed), -1)
        for group, region in enumerate(together):
            group_of[arcs_of[region]] = group
        while (many > 0).any():
            wanted = np.where(many > 0, np.minimum(many, np.maximum(-(-many // _SHARE), _FEW)), 0)
            at_work = (group_of >= 0) & (wanted > 0)[group_of]
            dropped = crowd.drop(np.where(at_work, group_of, -1), wanted)
            crowd.move(at_work)
            many = np.where(2 * dropped < wanted, 0, many - dropped)
    return crowd.boundaries, crowd.kept


def _apart(arcs_of: dict[int, NDArray[np.bool_]], crowd: Crowd) -> list[list[int]]:
    """Part regions into few sets within which none reaches another; those that do so keep their order.

    Those of one set are thinned in the same steps, of which each costs hardly more than for one of them.
    """
    sets: list[list[int]] = []
    reached = {region: crowd.reach(arcs) for region, arcs in arcs_of.items()}
    for region, reach in reached.items():
        meets = [
            number for number, others in enumerate(sets) if any((reached[other] & reach).any() for other in others)
        ]
        number = max(meets, default=-1) + 1
        if number == len(sets):
            sets.append([])
        sets[number].append(region)
    return sets
