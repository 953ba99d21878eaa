"""The boundaries of a label image as a planar graph: arcs between junctions, shared by the regions on both sides.

A region is a 4-connected piece of one object. Its boundary runs along the cracks between pixels; corners where three
or more regions meet are junctions and cut it into arcs. Away from junctions an arc is drawn through the crack
midpoints, which lie at least 1/sqrt(8) = 0.353 px from every pixel centre: a contour that stays within that distance
of its arc rasterises to exactly the same pixels, although a diagonal then needs two vertices and not a staircase.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from skimage.measure import label as connected_components

# Headings east, south, west, north as (dy, dx); walking along them a region keeps its pixels on the right-hand side.
STEP = np.array([(0, 1), (1, 0), (0, -1), (-1, 0)])
OUTWARD = np.array([(-1, 0), (0, 1), (1, 0), (0, -1)])
TAIL = np.array([(0, 0), (0, 1), (1, 1), (1, 0)])


@dataclass(frozen=True)
class Arc:
    """A boundary line between two junctions, or a closed line without any.

    Attributes
    ----------
    points : (n, 2) float64
        x, y in pixels, pixel (0, 0) covering [0, 1) x [0, 1); closed lines repeat their first point.
    regions : tuple of int
        The one or two regions that it bounds.
    """

    points: NDArray[np.float64]
    regions: tuple[int, ...]


@dataclass(frozen=True)
class Ring:
    """A closed line around a region or around one of its holes.

    Attributes
    ----------
    region : int
    arcs : list of int
        Indices in walking order, the region on the right-hand side; ``~index`` for an arc walked backwards.
    is_outer : bool
        False around a hole.
    """

    region: int
    arcs: list[int]
    is_outer: bool


@dataclass(frozen=True)
class Boundaries:
    """All regions of a label image and the arcs around them.

    Attributes
    ----------
    regions : (y, x) int32
        0 for background, else the region, numbered from 1 in raster order of the first pixel.
    objects : (n + 1,) uint32
        The object of every region; entry 0 is background.
    arcs : list of Arc
    rings : list of Ring
        Every region has one outer ring, and one for each hole.
    """

    regions: NDArray[np.int32]
    objects: NDArray[np.uint32]
    arcs: list[Arc]
    rings: list[Ring]


@dataclass(frozen=True)
class _Cracks:
    """Directed pixel sides with a region on their right: flat arrays over all of them, and the two links."""

    heading: NDArray[np.intp]
    y: NDArray[np.intp]
    x: NDArray[np.intp]
    following: NDArray[np.intp]
    twin: NDArray[np.intp]  # -1 where the other side is background or outside
    at_junction: NDArray[np.bool_]  # the crack starts at a junction


def pieces_of(labels: NDArray[np.unsignedinteger]) -> NDArray[np.int32]:
    """Give every 4-connected piece of an object a number, from 1 in raster order of first pixels; 0 is background."""
    return np.asarray(connected_components(labels, connectivity=1, background=0), dtype=np.int32)


def trace(labels: NDArray[np.unsignedinteger]) -> Boundaries:
    """Trace the boundaries of all objects.

    Parameters
    ----------
    labels : (y, x) unsigned integer
        0 is background. An object may have several pieces, holes, and neighbours that touch it.

    Returns
    -------
    Boundaries
    """
    regions = pieces_of(labels)
    objects = np.zeros(int(regions.max(initial=0)) + 1, np.uint32)
    objects[regions] = labels
    if len(objects) == 1:
        return Boundaries(regions, objects, [], [])
    cracks = _cracks(regions)
    order, ring_starts = _walk(cracks)
    arcs, rings = _arcs(cracks, regions, order, ring_starts)
    return Boundaries(regions, objects, arcs, rings)


def _cracks(regions: NDArray[np.int32]) -> _Cracks:
    height, width = regions.shape
    padded = np.pad(regions, 1, constant_values=-1)
    sides = np.stack([padded[1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width] for dy, dx in OUTWARD])
    boundary = (sides != regions) & (regions > 0)
    heading, y, x = np.nonzero(boundary)
    number = np.full(boundary.shape, -1, np.intp)
    number[heading, y, x] = np.arange(len(heading))

    own = regions[y, x]
    ahead_y, ahead_x = y + STEP[heading, 0], x + STEP[heading, 1]
    left_y, left_x = ahead_y + OUTWARD[heading, 0], ahead_x + OUTWARD[heading, 1]
    right_turn = padded[ahead_y + 1, ahead_x + 1] != own
    straight = ~right_turn & (padded[left_y + 1, left_x + 1] != own)
    following = number[
        np.where(right_turn, (heading + 1) % 4, np.where(straight, heading, (heading + 3) % 4)),
        np.where(right_turn, y, np.where(straight, ahead_y, left_y)) % height,
        np.where(right_turn, x, np.where(straight, ahead_x, left_x)) % width,
    ]

    other_y, other_x = y + OUTWARD[heading, 0], x + OUTWARD[heading, 1]
    shared = padded[other_y + 1, other_x + 1] > 0
    twin = np.where(shared, number[(heading + 2) % 4, other_y % height, other_x % width], -1)

    a, b, c, d = padded[:-1, :-1], padded[:-1, 1:], padded[1:, 1:], padded[1:, :-1]
    junction = (a != b).astype(np.int8) + (b != c) + (c != d) + (d != a) >= 3
    junction[[0, 0, -1, -1], [0, -1, 0, -1]] = True  # keeps contours square in the corners of the image
    at_junction = junction[y + TAIL[heading, 0], x + TAIL[heading, 1]]
    return _Cracks(heading, y, x, following, twin, at_junction)


def _walk(cracks: _Cracks) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Order the cracks ring by ring, each ring from a junction where it has one."""
    following = cracks.following.tolist()
    seen = bytearray(len(following))
    order: list[int] = []
    ring_starts: list[int] = []
    for start in [*np.flatnonzero(cracks.at_junction).tolist(), *range(len(following))]:
        if seen[start]:
            continue
        ring_starts.append(len(order))
        crack = start
        while not seen[crack]:
            seen[crack] = 1
            order.append(crack)
            crack = following[crack]
    return np.array(order, np.intp), np.array(ring_starts, np.intp)


def _arcs(
    cracks: _Cracks, regions: NDArray[np.int32], order: NDArray[np.intp], ring_starts: NDArray[np.intp]
) -> tuple[list[Arc], list[Ring]]:
    """Cut the rings at junctions; both sides of a shared boundary name one arc."""
    y, x, heading = cracks.y[order], cracks.x[order], cracks.heading[order]
    owner, at_junction = regions[y, x], cracks.at_junction[order]
    tail = np.stack([x + TAIL[heading, 1], y + TAIL[heading, 0]], axis=1).astype(np.float64)
    step = STEP[heading][:, ::-1]

    is_start = at_junction.copy()
    is_start[ring_starts] = True
    starts = np.flatnonzero(is_start)
    ends = np.append(starts[1:], len(order))
    arc_of_crack = np.empty(len(order), np.intp)
    arc_of_crack[order] = np.cumsum(is_start) - 1
    twin = cracks.twin[order[starts]]
    twin_of_arc = np.where(twin >= 0, arc_of_crack[twin], -1)

    arcs: list[Arc] = []
    names: list[int] = []
    for own, (start, end, other) in enumerate(zip(starts, ends, twin_of_arc, strict=True)):
        if 0 <= other < own:
            names.append(~names[other])
            continue
        middle = tail[start:end] + step[start:end] / 2
        if at_junction[start]:
            points = np.concatenate([tail[start : start + 1], middle, tail[end - 1 : end] + step[end - 1]])
        else:
            points = np.concatenate([middle, middle[:1]])
        names.append(len(arcs))
        arcs.append(Arc(points, (int(owner[start]),) if other < 0 else (int(owner[start]), int(owner[starts[other]]))))

    # Twice the signed area, from the cracks themselves: positive for a ring that runs clockwise on the screen.
    area = np.add.reduceat(tail[:, 0] * step[:, 1] - tail[:, 1] * step[:, 0], ring_starts)
    first_arc = np.searchsorted(starts, np.append(ring_starts, len(order)))
    return arcs, [
        Ring(int(owner[start]), names[low:high], bool(twice_area > 0))
        for start, low, high, twice_area in zip(ring_starts, first_arc[:-1], first_arc[1:], area, strict=True)
    ]
