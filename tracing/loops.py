"""Loops: where an axon leaves and comes back, its shape between two anchors is interpolated."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tracing.masks import Mask, MaskConfig, box_of, masks_between
from tracing.tracking_anchors import Anchor


@dataclass(frozen=True)
class Loop:
    """Two anchors of one track between which it is to be filled in."""

    first: Anchor
    second: Anchor


def loops_of(anchors: Sequence[Anchor]) -> list[Loop]:
    """Give the loops that anchors ask for: from the anchor before of the same track to each one with `fill`."""
    loops = []
    for name in sorted({anchor.track for anchor in anchors}):
        mine = sorted((anchor for anchor in anchors if anchor.track == name), key=lambda anchor: anchor.z)
        loops += [Loop(first, second) for first, second in pairwise(mine) if second.fill and second.z > first.z + 1]
    return loops


def shapes_between(first: Mask, second: Mask, sections: tuple[int, int]) -> Iterator[tuple[int, Mask]]:
    """Interpolate a shape linearly between two sections.

    Parameters
    ----------
    first, second : bool array (y, x)
        The shape in either section, each with a pixel at least.
    sections : (int, int)
        The two sections.

    Yields
    ------
    section, bool array (y, x)
        Those between, in the order of z: the centre moves straight, the outline changes in proportion (signed
        distances, as in `masks_between`).
    """
    top, left, bottom, right = box_of(first | second)
    inner = (slice(top, bottom), slice(left, right))
    ends = {z: np.asarray(shape[inner], np.bool_) for z, shape in zip(sections, (first, second), strict=True)}
    for z, shape in masks_between(ends, MaskConfig(path="linear")):
        if sections[0] < z < sections[1]:
            whole = np.zeros(first.shape, np.bool_)
            whole[inner] = shape
            yield z, whole
