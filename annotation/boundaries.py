"""The boundaries of a label image as a planar graph: arcs between junctions, shared by the regions on both sides.

A region is a 4-connected piece of one object. Its boundary runs along the cracks between pixels; corners where three
or more regions meet are junctions and cut it into arcs. Away from junctions an arc is drawn through the crack
midpoints, which lie at least 1/sqrt(8) = 0.353 px from every pixel centre: a contour that stays within that distance
of its arc rasterises to exactly the same pixels, although a diagonal then needs two vertices and not a staircase.
"""

from dataclasses import dataclass

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, depth_first_order

from annotation.lines import Lines, ranges

# Headings east, south, west, north as (dy, dx); walking along them a region keeps its pixels on the right-hand side.
STEP = np.array([(0, 1), (1, 0), (0, -1), (-1, 0)])
OUTWARD = np.array([(-1, 0), (0, 1), (1, 0), (0, -1)])
TAIL = np.array([(0, 0), (0, 1), (1, 1), (1, 0)])


@dataclass(frozen=True)
class Boundaries:
    """The arcs around all regions of an image.

    Attributes
    ----------
    arcs : Lines
        Boundary lines between two junctions, or closed ones without any; these repeat their first point.
    sides : (arcs, 2) intp
        The region on the right-hand side of each arc and the one on its left; 0 is background, or outside.
    uses : (n,) intp
        Arcs in walking order, ring after ring, the ring's region on the right-hand side; ``~arc`` where it is walked
        backwards.
    ring_starts : (rings + 1,) intp
        Ring k walks ``uses[ring_starts[k] : ring_starts[k + 1]]``.
    ring_region : (rings,) intp
    ring_is_outer : (rings,) bool
        False around a hole; every region has one outer ring.
    """

    arcs: Lines
    sides: NDArray[np.intp]
    uses: NDArray[np.intp]
    ring_starts: NDArray[np.intp]
    ring_region: NDArray[np.intp]
    ring_is_outer: NDArray[np.bool_]


@dataclass(frozen=True)
class _Cracks:
    """Directed pixel sides with a region on their right: flat arrays over all of them, and the two links."""

    heading: NDArray[np.intp]
    y: NDArray[np.intp]
    x: NDArray[np.intp]
    region: NDArray[np.int32]
    following: NDArray[np.intp]
    twin: NDArray[np.intp]  # -1 where the other side is background or outside
    at_junction: NDArray[np.bool_]  # the crack starts at a junction


def pieces_of(labels: NDArray[np.unsignedinteger]) -> NDArray[np.int32]:
    """Give every 4-connected piece of an object a number, from 1 in raster order of first pixels; 0 is background."""
    # cc3d takes no array that cannot be written, though it writes none
    writable = np.require(labels, requirements="W")
    return np.asarray(cc3d.connected_components(writable, connectivity=4), dtype=np.int32)


def trace(regions: NDArray[np.int32]) -> Boundaries:
    """Trace the boundaries of all regions.

    Parameters
    ----------
    regions : (y, x) int32
        0 is background; the others are 4-connected (`pieces_of`), with holes and neighbours that touch.

    Returns
    -------
    Boundaries
    """
    if not regions.any():
        none = np.zeros(0, np.intp)
        return Boundaries(Lines.of([]), none.reshape(0, 2), none, np.zeros(1, np.intp), none, none > 0)
    cracks = _cracks(regions)
    order, ring_starts = _walk(cracks)
    return _arcs(cracks, order, ring_starts)


def _cracks(regions: NDArray[np.int32]) -> _Cracks:
    """Find all cracks; pixels are addressed in the flattened image with a margin of one pixel."""
    height, width = regions.shape
    padded = np.pad(regions, 1, constant_values=-1)
    flat, row = padded.ravel(), width + 2
    step, outward = (STEP @ (row, 1)).astype(np.int32), (OUTWARD @ (row, 1)).astype(np.int32)
    inner = np.pad(regions > 0, 1).ravel()
    found = [np.flatnonzero(inner & (flat != np.roll(flat, -away))).astype(np.int32) for away in outward]
    heading = np.repeat(np.arange(4), [len(pixels) for pixels in found])
    pixel = np.concatenate(found)
    number = np.empty(4 * flat.size, np.int32)  # only read where a crack is
    number[heading * flat.size + pixel] = np.arange(len(pixel))

    own = flat[pixel]
    ahead = pixel + step[heading]
    left = ahead + outward[heading]
    right_turn = flat[ahead] != own
    straight = ~right_turn & (flat[left] != own)
    turned = np.where(right_turn, (heading + 1) % 4, np.where(straight, heading, (heading + 3) % 4))
    following = number[turned * flat.size + np.where(right_turn, pixel, np.where(straight, ahead, left))]
    across = pixel + outward[heading]
    shared = flat[across] > 0
    twin = np.full(len(pixel), -1)
    twin[shared] = number[(heading[shared] + 2) % 4 * flat.size + across[shared]]

    y, x = np.divmod(pixel, row)
    corner = pixel + (TAIL @ (row, 1))[heading]
    a, b, c, d = flat[corner - row - 1], flat[corner - row], flat[corner], flat[corner - 1]
    at_junction = (a != b).astype(np.int8) + (b != c) + (c != d) + (d != a) >= 3
    # Keeps contours square in the corners of the image.
    outside = np.isin(corner, [row + 1, row + 1 + width, (height + 1) * row + 1, (height + 1) * row + 1 + width])
    return _Cracks(heading, y - 1, x - 1, own, following.astype(np.intp), twin, at_junction | outside)


def _walk(cracks: _Cracks) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Order the cracks ring by ring, each ring from a junction where it has one."""
    count = len(cracks.following)
    numbers = np.arange(count)
    rings, ring = connected_components(_links(cracks.following), directed=False)
    start = np.empty(rings, np.intp)
    for candidates in (numbers[::-1], np.flatnonzero(cracks.at_junction)[::-1]):
        start[ring[candidates]] = candidates  # the last one written stays: the first crack of a ring, then its junction
    previous = np.empty(count, np.intp)
    previous[cracks.following] = numbers
    chained = cracks.following.copy()
    chained[previous[start[:-1]]] = start[1:]
    order = np.asarray(depth_first_order(_links(chained), start[0], return_predecessors=False), np.intp)
    return order, np.flatnonzero(np.isin(order, start))


def _links(following: NDArray[np.intp]) -> csr_array:
    count = len(following)
    return csr_array((np.ones(count, np.int8), following, np.arange(count + 1)), shape=(count, count))


def _arcs(cracks: _Cracks, order: NDArray[np.intp], ring_starts: NDArray[np.intp]) -> Boundaries:
    """Cut the rings at junctions; both sides of a shared boundary name one arc."""
    heading, owner, at_junction = cracks.heading[order], cracks.region[order], cracks.at_junction[order]
    tail = np.stack([cracks.x[order] + TAIL[heading, 1], cracks.y[order] + TAIL[heading, 0]], axis=1).astype(np.float64)
    step = STEP[heading][:, ::-1]
    is_start = at_junction.copy()
    is_start[ring_starts] = True
    starts = np.flatnonzero(is_start)
    ends = np.append(starts[1:], len(order))
    side_of_crack = np.empty(len(order), np.intp)
    side_of_crack[order] = np.cumsum(is_start) - 1
    twin = cracks.twin[order[starts]]
    other = np.where(twin >= 0, side_of_crack[twin], -1)

    numbers = np.arange(len(starts))
    drawn = (other < 0) | (other >= numbers)
    arc = np.cumsum(drawn) - 1
    uses = np.where(drawn, arc, ~arc[other])
    left = np.where(other < 0, 0, owner[starts[other]])
    # Twice the signed area, from the cracks themselves: positive for a ring that runs clockwise on the screen.
    area = np.add.reduceat(tail[:, 0] * step[:, 1] - tail[:, 1] * step[:, 0], ring_starts)
    return Boundaries(
        arcs=_points(tail, step, starts[drawn], ends[drawn], at_junction[starts[drawn]]),
        sides=np.stack([owner[starts], left], axis=1)[drawn].astype(np.intp),
        uses=uses,
        ring_starts=np.searchsorted(starts, np.append(ring_starts, len(order))),
        ring_region=owner[ring_starts].astype(np.intp),
        ring_is_outer=area > 0,
    )


def _points(
    tail: NDArray[np.float64],
    step: NDArray[np.intp],
    first: NDArray[np.intp],
    end: NDArray[np.intp],
    is_open: NDArray[np.bool_],
) -> Lines:
    """Draw arcs through the midpoints of their cracks, from junction to junction or round to the first midpoint."""
    counts = end - first
    starts = np.concatenate([[0], np.cumsum(counts + 1 + is_open)])
    middle = tail + step / 2
    points = np.empty((starts[-1], 2))
    points[ranges(starts[:-1] + is_open, counts)] = middle[ranges(first, counts)]
    points[starts[:-1][is_open]] = tail[first[is_open]]
    points[starts[1:] - 1] = np.where(is_open[:, None], tail[end - 1] + step[end - 1], middle[first])
    return Lines(points, starts)
