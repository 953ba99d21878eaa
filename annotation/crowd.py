"""Points of simplified arcs that go or move, at the cost of the pixels that then change sides."""

from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from annotation.boundaries import Boundaries
from annotation.lines import Lines
from annotation.rasterising import rasterise, swept
from annotation.rings import rings_of

_FEWEST = 5  # points of a closed arc, its first one counted twice
# Odd steps, since lines through the centres of pixels, as between points on the grid, are decided by rounding.
_MOVES_PX = np.array([(0.47 * x, 0.43 * y) for y in (-1, 0, 1) for x in (-1, 0, 1) if x or y])
_ASIDE_PX = (0.013, 0.017)
_FORBIDDEN = 1e3  # cost of a pixel where a line would cross another one or open a gap between regions
_FAR_PX = 8  # two points are not made one that lies farther from them


class _Changes(NamedTuple):
    """Pixels that change sides, and the number of the change that does it."""

    change: NDArray[np.intp]
    pixel: NDArray[np.intp]
    loser: NDArray[np.intp]
    winner: NDArray[np.intp]


class Crowd:
    """The points of all arcs. The ends of arcs that meet share one place, known by the first of them.

    Parameters
    ----------
    boundaries, kept, regions, cost, fixed
        As for `annotation.thinning.thinned_of`.

    Attributes
    ----------
    kept : (points of all arcs,) bool
    """

    def __init__(
        self, boundaries: Boundaries, kept: NDArray[np.bool_], regions: NDArray[np.int32], cost: NDArray[np.float64],
        fixed: NDArray[np.bool_],
    ) -> None:  # fmt: skip
        self.kept = kept.copy()
        self._given, self._cost = boundaries, cost
        self._shape, self._true = (regions.shape[0], regions.shape[1]), regions.ravel()
        covered = np.asarray(regions > 0, np.uint8)
        inside = cv2.erode(covered, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=(0,))
        self._solid = np.asarray(inside, np.bool_).ravel()
        self._owner = self._owners()
        self._at = boundaries.arcs.points.copy()
        self._arc_of, self._place = boundaries.arcs.line_of_point, places_of(boundaries.arcs)
        first, last = boundaries.arcs.starts[:-1], boundaries.arcs.starts[1:] - 1
        self._ends = self._place[np.stack([first, last])]
        self._fewest = np.where(self._ends[0] == self._ends[1], _FEWEST, 2)
        held = ~self._inside(self._at)
        held[first[fixed]] = held[last[fixed]] = True
        self._held: NDArray[np.bool_] = np.zeros(len(self._at), np.bool_)
        self._held[self._place[held]] = True

    @property
    def boundaries(self) -> Boundaries:
        """The arcs with their points where they are now."""
        return replace(self._given, arcs=Lines(self._at[self._place], self._given.arcs.starts))

    def drop(self, group_of: NDArray[np.intp], counts: NDArray[np.intp]) -> NDArray[np.intp]:
        """Drop points, those that cost least, none beside another: a point, or one of two neighbours.

        Two neighbours become one that leaves the areas on both sides as they were.

        Parameters
        ----------
        group_of : (arcs,) intp
            Which arcs, in groups; -1 is none.
        counts : (groups,) intp
            Of each group so many points at most.

        Returns
        -------
        (groups,) intp
            How many have gone.
        """
        index = np.flatnonzero(self.kept & (group_of >= 0)[self._arc_of])
        arc, at = self._arc_of[index], self._at[self._place[index]]
        spare = np.bincount(arc, minlength=len(group_of)) - self._fewest
        single = np.flatnonzero((arc[1:-1] == arc[:-2]) & (arc[1:-1] == arc[2:]) & (spare[arc[1:-1]] > 0)) + 1
        pair = single[:-1][(np.diff(single) == 1) & (arc[single[:-1]] == arc[single[1:]])]
        merged, found = _merged(*(at[pair + step] for step in (-1, 0, 1, 2)))
        found &= self._inside(merged)
        first, last = np.concatenate([single, pair[found]]), np.concatenate([single, pair[found] + 1])
        new = np.concatenate([at[single - 1], merged[found]])  # a point that goes moves onto the one before it
        rings = np.stack([at[first - 1], at[first], at[last], at[last + 1], new], axis=1)
        changes = self._changes(rings, arc[first])
        costs = self._costs(changes, len(rings))

        taken: NDArray[np.bool_] = np.zeros(len(rings), np.bool_)
        busy, left = np.zeros(len(index), np.bool_), counts.copy()
        for number in np.argsort(costs, kind="stable")[: np.count_nonzero(costs < _FORBIDDEN / 2)].tolist():
            around, on = slice(first[number] - 1, last[number] + 2), arc[first[number]]
            if spare[on] > 0 and left[group_of[on]] > 0 and not busy[around].any():
                busy[around] = taken[number] = True
                spare[on] -= 1
                left[group_of[on]] -= 1
                if not left.any():
                    break
        self.kept[index[last[taken]]] = False
        joined = taken & (first != last)
        self._at[index[first[joined]]] = new[joined]
        self._take(changes, taken)
        return counts - left

    def reach(self, arcs: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Tell which arcs end where these do, or are these."""
        at_ends: NDArray[np.bool_] = np.zeros(len(self._at), np.bool_)
        at_ends[self._ends[:, arcs]] = True
        return np.asarray(at_ends[self._ends[0]] | at_ends[self._ends[1]], np.bool_)

    def move(self, arcs: NDArray[np.bool_]) -> None:
        """Move points of these arcs a step to where they mend most; of two neighbours the one that mends more."""
        moving, resting, ends, arc = self._edges(arcs)
        if not len(moving):
            return
        ways = len(_MOVES_PX)
        new = self._at[moving][:, None] + _MOVES_PX
        rings = np.stack(np.broadcast_arrays(*self._at[ends][:, :, None], new), axis=2).reshape(-1, 3, 2)
        changes = self._changes(rings, np.repeat(arc, ways))
        points, point = np.unique(moving, return_inverse=True)
        costs = np.zeros((len(points), ways))
        np.add.at(costs, point, self._costs(changes, len(rings)).reshape(-1, ways))
        way = costs.argmin(axis=1)
        gain = np.zeros(len(self._at))
        gain[points] = 1e-9 * np.arange(len(points)) - costs.min(axis=1)  # no two alike
        rival = np.zeros(len(points))
        np.maximum.at(rival, point, gain[resting])
        better = (gain[points] > 1e-5) & (gain[points] > rival)
        self._at[points[better]] += _MOVES_PX[way[better]]
        self._take(changes, (better[point][:, None] & (np.arange(ways) == way[point][:, None])).ravel())

    def _edges(self, arcs: NDArray[np.bool_]) -> tuple[NDArray[np.intp], ...]:
        """Give the lines at points of these arcs that may move, once for each of their ends that may.

        These are the places of that end and of the other one, those of both ends along the arc (2, n), and the arc.
        """
        may_move = np.zeros(len(self._at), np.bool_)
        may_move[self._place[self.kept & arcs[self._arc_of]]] = True
        may_move &= ~self._held
        index = np.flatnonzero(self.kept & self.reach(arcs)[self._arc_of])
        line = np.flatnonzero(self._arc_of[index[1:]] == self._arc_of[index[:-1]])
        ends, arc = self._place[np.stack([index[line], index[line + 1]])], self._arc_of[index[line]]
        one, other = (np.flatnonzero(may_move[side]) for side in ends)
        both = np.concatenate([one, other])
        moving = np.concatenate([ends[0, one], ends[1, other]])
        return moving, np.concatenate([ends[1, one], ends[0, other]]), ends[:, both], arc[both]

    def _changes(self, rings: NDArray[np.float64], arc: NDArray[np.intp]) -> _Changes:
        """Find the pixels that change sides where each ring walks along a line of an arc, back along the new one."""
        count, points, _ = rings.shape
        pixel, change, winding = swept(Lines(rings.reshape(-1, 2), np.arange(count + 1) * points), self._shape)
        right, left = self._given.sides[arc[change]].T
        return _Changes(change, pixel, np.where(winding < 0, right, left), np.where(winding < 0, left, right))

    def _costs(self, changes: _Changes, count: int) -> NDArray[np.float64]:
        change, pixel, loser, winner = changes
        true = self._true[pixel]
        costs = np.where(true == loser, self._cost[loser], -self._cost[loser])
        costs += np.where(true == winner, -self._cost[winner], self._cost[winner])
        costs[(self._owner[pixel] != loser) | ((winner == 0) & self._solid[pixel])] = _FORBIDDEN
        return np.bincount(change, costs, minlength=count).astype(np.float64)

    def _take(self, changes: _Changes, taken: NDArray[np.bool_]) -> None:
        """Note whose the pixels are now."""
        which = taken[changes.change]
        self._owner[changes.pixel[which]] = changes.winner[which]

    def _owners(self) -> NDArray[np.intp]:
        """Give the region whose contour covers each pixel."""
        rings = rings_of(self._given, self.kept, np.arange(len(self._given.ring_region)))
        pixel, region = rasterise(rings, self._given.ring_region, self._shape).pixels()
        owner = np.zeros(len(self._true), np.intp)
        owner[pixel] = region
        return owner

    def _inside(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell which points lie within the image, not on its border."""
        return np.asarray(((points > 0) & (points < self._shape[::-1])).all(axis=-1), np.bool_)


def places_of(arcs: Lines) -> NDArray[np.intp]:
    """Give every point its own number, but the ends of arcs that meet the number of one of them."""
    places = np.arange(len(arcs.points))
    ends = np.concatenate([arcs.starts[:-1], arcs.starts[1:] - 1])
    x, y = (np.unique(side, return_inverse=True)[1] for side in arcs.points[ends].T)  # in ranks, which sort fast
    _, first, number = np.unique(x * len(ends) + y, return_index=True, return_inverse=True)
    places[ends] = ends[first][number]
    return places


def _merged(
    a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64], d: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Give the points e for which lines a, e, d leave the same areas on both sides as a, b, c, d.

    Each lies on the line through a and b or that through c and d (Kronenfeld, Stanislawski, Buttenfield and Brockmeyer
    2020); also tell where there is one that is not far away.
    """
    chord = d - a
    height_b, height_c = _cross(chord, b - a), _cross(chord, c - a)
    height = -(_cross(a, b) + _cross(b, c) + _cross(c, d) + _cross(d, a))
    by_b = np.where(height_b * height_c >= 0, np.abs(height_b) >= np.abs(height_c), height_b * height > 0)
    base, over = np.where(by_b[:, None], a, d), np.where(by_b[:, None], b, c)
    reach = np.where(by_b, height_b, height_c)
    is_bent = np.abs(reach) > 1e-9
    merged = base + (np.where(is_bent, height, 0) / np.where(is_bent, reach, 1))[:, None] * (over - base)
    return merged + _ASIDE_PX, is_bent & (np.hypot(*(merged - (b + c) / 2).T) < _FAR_PX)


def _cross(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    return one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]
