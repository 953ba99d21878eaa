"""The oracle's strokes and points: what a person who knows the truth would paint over the shown outlines."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, distance_transform_edt, find_objects
from scipy.spatial import cKDTree
from skimage.draw import line
from skimage.morphology import disk
from skimage.segmentation import expand_labels

from annotation.boundaries import pieces_of
from annotation.marks import Marks, Point, Stroke
from annotation.project import CUT, GROW, JOIN, REMOVE

_FALSE = 0.8  # an outline with more than this share outside of all objects is none
_WALL_PX = 10  # pixels this near to a true object count as its own, for outlines that cover walls too


@dataclass(frozen=True)
class MarkRules:
    """What the oracle sees, and how it paints.

    Attributes
    ----------
    smallest_px : int
        Parts below this size are no split, merge or missing object.
    thickness_px : float
        Nor are slivers in which no disk of this radius fits: borders only differ there.
    radius_px : int
        Of the brush.
    into_px : int
        How far a joining stroke begins and ends inside of the objects.
    over_px : int
        No stroke joins what it reaches only over other objects: with more of their pixels under it and right beside
        it, it would join them too.
    shaken_px : int
        Every stroke is displaced by up to this much along both axes: hands are not exact.
    """

    smallest_px: int = 40
    thickness_px: float = 2.5
    radius_px: int = 2
    into_px: int = 5
    over_px: int = 25
    shaken_px: int = 1


class _Part(NamedTuple):
    """What an outline and a true piece have in common."""

    number: int
    shown: int
    true: int


def marks_towards(
    shown: NDArray[np.unsignedinteger],
    truth: NDArray[np.unsignedinteger],
    rules: MarkRules = MarkRules(),
    *,
    seed: int = 0,
) -> Marks:
    """Mark every split, merge, missing and false object with one stroke or point.

    Parameters
    ----------
    shown : (y, x) unsigned integer
        The outlines as an annotator sees them, painted; 0 is background.
    truth : (y, x) unsigned integer
        The true labels; 0 is background.
    rules : MarkRules
    seed : int
        Decides how strokes are displaced.

    Returns
    -------
    Marks
        Of an outline over k true pieces, each but the largest is cut off by one stroke; of the k outlines over a true
        piece, all are joined by k - 1 strokes, each the shortest way to the next, but for those behind other objects.
    """
    rng = np.random.default_rng(seed)
    pieces, outlines = pieces_of(truth), pieces_of(shown)
    false = _false(outlines, pieces)
    parts, image = _parts(np.where(np.isin(outlines, false), 0, outlines), pieces, rules)
    strokes = [_shaken(mask, rng, rules) for mask in _cuts(parts, image, outlines, rules)]
    marks = [Stroke(f"cut-{number}", CUT, mask) for number, mask in enumerate(strokes)]
    joins = [_shaken(mask, rng, rules) for mask in _joins(parts, image, outlines, rules)]
    marks += [Stroke(f"join-{number}", JOIN, mask) for number, mask in enumerate(joins)]
    found = {part.true for part in parts}
    free = (outlines == 0) & (pieces > 0)
    points = []
    for true, window in enumerate(find_objects(pieces), start=1):
        own = pieces[window] == true
        if true not in found and own.sum() >= rules.smallest_px and (free[window] & own).sum() > own.sum() / 2:
            points.append(Point(f"grow-{true}", GROW, *_deepest(own & free[window], window)))
    return Marks(marks, points + removals(outlines, false))


def removals(pieces: NDArray[np.int32], numbers: Iterable[int]) -> list[Point]:
    """Click into each of the pieces (y, x) with these numbers: "Not an axon"."""
    windows = find_objects(pieces)
    return [
        Point(f"remove-{number}", REMOVE, *_deepest(pieces[windows[number - 1]] == number, windows[number - 1]))
        for number in numbers
    ]


def relabelled(
    shown: NDArray[np.unsignedinteger], truth: NDArray[np.unsignedinteger], rules: MarkRules = MarkRules()
) -> NDArray[np.uint32]:
    """Give what exact lines instead of strokes would make of the outlines: `marks_towards` can at best come near it."""
    outlines = pieces_of(shown)
    parts, image = _parts(outlines, pieces_of(truth), rules)
    true = np.array([0, *(part.true for part in parts)], np.uint32)
    return np.where(image > 0, true[image], np.where(outlines > 0, outlines + true.max(), 0)).astype(np.uint32)


def _false(outlines: NDArray[np.int32], true: NDArray[np.int32]) -> list[int]:
    """Give the outlines that lie almost wholly where there is no object."""
    sizes = np.bincount(outlines.ravel())
    outside = np.bincount(outlines[true == 0], minlength=len(sizes))
    return [int(number) for number in np.flatnonzero(outside[1:] > _FALSE * sizes[1:]) + 1]


def _parts(
    outlines: NDArray[np.signedinteger], true: NDArray[np.int32], rules: MarkRules
) -> tuple[list[_Part], NDArray[np.int32]]:
    """Find the parts that count; in the image they share out every outline that holds one."""
    parts: list[_Part] = []
    image = np.zeros(outlines.shape, np.int32)
    windows = find_objects(outlines)
    true = expand_labels(true, _WALL_PX)
    for shown in np.unique(outlines[outlines > 0]).tolist():
        window = windows[shown - 1]
        own = outlines[window] == shown
        seeds = np.zeros(own.shape, np.int32)
        overlaps = np.bincount(true[window][own])
        overlaps[0] = 0
        for piece in np.flatnonzero(overlaps >= rules.smallest_px).tolist():
            common = own & (true[window] == piece)
            if (
                distance_transform_edt(np.pad(common, 1)).max() >= rules.thickness_px
                or overlaps[piece] == overlaps.max()
            ):
                parts.append(_Part(len(parts) + 1, shown, piece))
                seeds[common] = len(parts)
        if seeds.any():
            image[window][own] = expand_labels(seeds, max(own.shape) * 2)[own]
    return parts, image


def _cuts(
    parts: list[_Part], image: NDArray[np.int32], outlines: NDArray[np.int32], rules: MarkRules
) -> list[NDArray[np.bool_]]:
    """Draw, for each part but the largest of an outline, the line between it and what is larger."""
    sizes = np.bincount(image.ravel(), minlength=len(parts) + 1)
    windows = find_objects(outlines)
    cuts = []
    for shown in sorted({part.shown for part in parts}):
        own = sorted((part for part in parts if part.shown == shown), key=lambda part: sizes[part.number])
        window = _around(windows[shown - 1], rules.radius_px + 1)
        for rank, part in enumerate(own[:-1]):
            inside = image[window] == part.number
            others = np.isin(image[window], [other.number for other in own[rank + 1 :]])
            between = (binary_dilation(inside) & others) | (binary_dilation(others) & inside)
            if between.any():
                mask = np.zeros(image.shape, np.bool_)
                mask[window] = binary_dilation(between, disk(rules.radius_px - 1))
                cuts.append(mask)
    return cuts


def _joins(
    parts: list[_Part], image: NDArray[np.int32], outlines: NDArray[np.int32], rules: MarkRules
) -> list[NDArray[np.bool_]]:
    """Draw short lines that connect the parts of every true piece and touch nothing else, where there are such."""
    joins = []
    for true in sorted({part.true for part in parts}):
        places = {part.number: np.argwhere(image == part.number) for part in parts if part.true == true}
        joined = {max(places, key=lambda number: len(places[number]))}
        while len(joined) < len(places):
            links = [
                (_links(places[here], places[there]), here, there)
                for there in places.keys() - joined
                for here in joined
            ]
            (_, ways), here, there = min(links, key=lambda link: (link[0][0], link[2]))
            joined.add(there)
            lines = [
                _line(start, end, into, image.shape, rules)
                for into in range(rules.into_px, rules.into_px // 2, -1)
                for start, end in ways
            ]
            over_px, best = min((_foreign(one, image, outlines, (here, there)), at) for at, one in enumerate(lines))
            if over_px <= rules.over_px:
                joins.append(lines[best])
    return joins


def _links(
    here: NDArray[np.intp], there: NDArray[np.intp]
) -> tuple[float, list[tuple[NDArray[np.intp], NDArray[np.intp]]]]:
    """Give the distance of two sets of pixels, and some pairs of pixels that are about that near, the middle first."""
    found = cKDTree(here).query(there)
    distance, partner = np.asarray(found[0]), np.asarray(found[1])
    close = np.flatnonzero(distance <= distance.min() + 1)
    order = close[np.abs(there[close] - np.median(there[close], axis=0)).sum(axis=1).argsort(kind="stable")]
    chosen = order[np.linspace(0, len(order) - 1, min(len(order), 5)).astype(int)]
    return float(distance.min()), [(here[partner[number]], there[number]) for number in chosen]


def _foreign(
    stroke: NDArray[np.bool_], image: NDArray[np.int32], outlines: NDArray[np.int32], own: tuple[int, int]
) -> int:
    """Count the pixels of other objects under a stroke and right beside it."""
    y, x = np.nonzero(stroke)
    window = (slice(max(y.min() - 1, 0), y.max() + 2), slice(max(x.min() - 1, 0), x.max() + 2))
    near = binary_dilation(stroke[window], np.ones((3, 3), np.bool_))
    return int((near & (outlines[window] > 0) & ~np.isin(image[window], own)).sum())


def _line(
    start: NDArray[np.intp], end: NDArray[np.intp], into_px: int, shape: tuple[int, ...], rules: MarkRules
) -> NDArray[np.bool_]:
    """Paint from one pixel to another, and a little farther at both ends."""
    beyond = np.rint((end - start) / np.hypot(*(end - start)) * into_px).astype(int)
    limit = np.array(shape) - 1
    first, last = np.clip(start - beyond, 0, limit), np.clip(end + beyond, 0, limit)
    mask = np.zeros(shape, np.bool_)
    mask[line(*first.tolist(), *last.tolist())] = True
    return np.asarray(binary_dilation(mask, disk(rules.radius_px - 1)), np.bool_)


def _shaken(mask: NDArray[np.bool_], rng: np.random.Generator, rules: MarkRules) -> NDArray[np.bool_]:
    """Displace a stroke; what leaves the image is lost."""
    dy, dx = rng.integers(-rules.shaken_px, rules.shaken_px + 1, 2).tolist()
    height, width = mask.shape
    moved = np.zeros_like(mask)
    moved[max(dy, 0) : height + min(dy, 0), max(dx, 0) : width + min(dx, 0)] = mask[
        max(-dy, 0) : height + min(-dy, 0), max(-dx, 0) : width + min(-dx, 0)
    ]
    return moved


def _around(window: tuple[slice, ...], margin: int) -> tuple[slice, ...]:
    return tuple(slice(max(side.start - margin, 0), side.stop + margin) for side in window)


def _deepest(mask: NDArray[np.bool_], window: tuple[slice, ...]) -> tuple[int, int]:
    """Give the pixel of a mask that lies farthest from its border, in the whole image."""
    depth = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    y, x = np.unravel_index(depth.argmax(), depth.shape)
    return int(y) + window[0].start, int(x) + window[1].start
