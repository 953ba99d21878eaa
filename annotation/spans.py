"""Pixels of many polygons as runs along the rows, and what they have in common."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotation.lines import ranges


@dataclass(frozen=True)
class Spans:
    """Runs of pixels, ordered by polygon: pixels ``start <= i < stop`` of the flattened image, each in one row."""

    polygon: NDArray[np.intp]
    start: NDArray[np.intp]
    stop: NDArray[np.intp]

    def pixels(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Give the flat index and the polygon of every pixel; an index is repeated where polygons overlap."""
        counts = self.stop - self.start
        return ranges(self.start, counts), np.repeat(self.polygon, counts)

    def hold(self, polygon: NDArray[np.intp], index: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Tell which pixels lie in a run of that polygon; the runs of a polygon must be in order and apart."""
        if not len(self.start) or not len(index):
            return np.zeros(len(index), np.bool_)
        size = int(max(self.stop.max(), index.max())) + 1
        run = np.searchsorted(self.polygon * size + self.start, polygon * size + index, side="right") - 1
        return np.asarray((run >= 0) & (self.polygon[run] == polygon) & (index < self.stop[run]), np.bool_)


def runs_of(pieces: NDArray[np.int32], chosen: NDArray[np.intp]) -> Spans:
    """Give the pixels of chosen pieces: polygon k are those of value ``chosen[k]``."""
    flat, width = pieces.ravel(), pieces.shape[1]
    number = np.full(int(max(pieces.max(initial=0), chosen.max(initial=0))) + 1, -1)
    number[chosen] = np.arange(len(chosen))
    begins = np.ones(flat.size, np.bool_)
    begins[1:] = flat[1:] != flat[:-1]
    begins[::width] = True
    start = np.flatnonzero(begins)
    polygon, stop = number[flat[start]], np.append(start[1:], flat.size)
    order = np.argsort(polygon, kind="stable")
    order = order[polygon[order] >= 0]
    return Spans(polygon[order], start[order], stop[order])


def both(first: Spans, second: Spans) -> Spans:
    """Give the pixels that a polygon has in both."""
    return _where(first, second, second_inside=True)


def minus(first: Spans, second: Spans) -> Spans:
    """Give the pixels that a polygon has in the first only."""
    return _where(first, second, second_inside=False)


def _where(first: Spans, second: Spans, *, second_inside: bool) -> Spans:
    """Sweep over the ends of all runs, polygon by polygon."""
    size = int(max(first.stop.max(initial=0), second.stop.max(initial=0))) + 1
    place = np.concatenate(
        [spans.polygon * size + side for spans in (first, second) for side in (spans.start, spans.stop)]
    )
    one, two = len(first.start), len(second.start)
    in_first = np.repeat([1, -1, 0, 0], [one, one, two, two])
    in_second = np.repeat([0, 0, 1, -1], [one, one, two, two])
    order = np.argsort(place, kind="stable")  # which makes use of the runs that are in order
    place, in_first, in_second = place[order], np.cumsum(in_first[order]), np.cumsum(in_second[order])
    wanted = (in_first[:-1] > 0) & ((in_second[:-1] > 0) == second_inside) & (place[1:] > place[:-1])
    polygon, start = np.divmod(place[:-1][wanted], size)
    return Spans(polygon, start, place[1:][wanted] - polygon * size)
