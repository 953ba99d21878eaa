"""Merging tracks that are pieces of one axon: there is no wall where they lie side by side."""

import heapq
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

_Wall = tuple[int, float]
"""Pairs of touching pixels, and the sum over them of the higher membrane probability of the two."""


class MergingConfig(BaseModel):
    """When tracks become one axon."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    wall_below: float | None = Field(default=0.7, gt=0, le=1)
    """Tracks merge where the mean membrane probability between them is lower than this; without it none do."""


@dataclass(frozen=True)
class SectionWalls:
    """How much membrane stands between the objects of one section that touch each other.

    Attributes
    ----------
    first, second : (pairs,) unsigned int
        The objects, the lower number first; the background has no walls.
    pixels : (pairs,) int64
        Pairs of touching pixels.
    total : (pairs,) float64
        Sum over them of the higher membrane probability of the two.
    """

    first: NDArray[Any]
    second: NDArray[Any]
    pixels: NDArray[np.int64]
    total: NDArray[np.float64]


def walls_between(objects: NDArray[Any], membrane: NDArray[np.float32]) -> SectionWalls:
    """Look at a section: objects `(y, x)`, 0 = none, below 2^31, and membrane probability `(y, x)`."""
    sides = [
        _touching((objects[:, :-1], objects[:, 1:]), (membrane[:, :-1], membrane[:, 1:])),
        _touching((objects[:-1], objects[1:]), (membrane[:-1], membrane[1:])),
    ]
    keys, walls = (np.concatenate(parts) for parts in zip(*sides, strict=True))
    keys, owner = np.unique(keys, return_inverse=True)
    pixels, total = np.bincount(owner, minlength=len(keys)), np.bincount(owner, walls, len(keys))
    kept = keys >= 2**32  # the lower number is not 0
    first, second = (part.astype(objects.dtype) for part in np.divmod(keys[kept], 2**32))
    return SectionWalls(first, second, pixels[kept], total[kept])


class Walls:
    """Collects, section by section, how much membrane stands between tracks that touch each other in a section."""

    def __init__(self) -> None:
        self._between: dict[tuple[int, int], _Wall] = {}

    def add(self, walls: SectionWalls, first: NDArray[Any], second: NDArray[Any]) -> None:
        """Take in the walls of a section; `first` and `second` are the tracks of their objects."""
        low, high = np.minimum(first, second).tolist(), np.maximum(first, second).tolist()
        for a, b, some, wall in zip(low, high, walls.pixels.tolist(), walls.total.tolist(), strict=True):
            if a != b:
                before = self._between.get((a, b), (0, 0.0))
                self._between[a, b] = (before[0] + some, before[1] + wall)

    def merged(
        self, n_tracks: int, config: MergingConfig, names: Mapping[int, int] | None = None
    ) -> NDArray[np.uint64]:
        """Give every track its axon.

        Parameters
        ----------
        n_tracks : int
            Tracks are numbered from 1 to this.
        config : MergingConfig
            How low a wall has to be.
        names : mapping, optional
            Tracks with a name, as anchors give them: two of different names never become one.

        Returns
        -------
        (n_tracks + 1,) uint64
            Axons, numbered from 1 in the order of their first track; entry 0 is 0.

        Notes
        -----
        The pair with the lowest wall is merged first, and its walls to others are put together: hierarchical
        agglomeration by mean affinity (Funke et al., IEEE PAMI 41 (2019), 1669).
        """
        parent = np.arange(n_tracks + 1)
        if config.wall_below is not None:
            _agglomerate(self._between, parent, config.wall_below, dict(names or {}))
        _, axons = np.unique(_roots(parent), return_inverse=True)
        return np.asarray(axons, np.uint64)


def _touching(
    sides: tuple[NDArray[Any], NDArray[Any]], walls: tuple[NDArray[np.float32], NDArray[np.float32]]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Give the pairs of different numbers that touch, as lower * 2^32 + higher, and the wall between."""
    apart = sides[0] != sides[1]
    first, second = (side[apart].astype(np.int64) for side in sides)
    wall = np.maximum(*(side[apart] for side in walls))
    return np.minimum(first, second) * 2**32 + np.maximum(first, second), wall.astype(np.float64)


def _agglomerate(
    between: Mapping[tuple[int, int], _Wall], parent: NDArray[np.int64], below: float, names: dict[int, int]
) -> None:
    """Set `parent` of every track that goes into another one."""
    near: dict[int, dict[int, _Wall]] = {}
    for (a, b), wall in between.items():
        near.setdefault(a, {})[b] = near.setdefault(b, {})[a] = wall
    queue = [(total / pixels, a, b, pixels) for (a, b), (pixels, total) in between.items()]
    heapq.heapify(queue)
    while queue and queue[0][0] < below:
        _, a, b, pixels = heapq.heappop(queue)
        known = near.get(a, {}).get(b)
        if known is None or known[0] != pixels:  # outdated: one of them went into another, or their wall grew
            continue
        if names.get(a, names.get(b)) != names.get(b, names.get(a)):
            continue
        parent[b] = a
        if b in names:
            names[a] = names[b]
        for other, (some, total) in near.pop(b).items():
            del near[other][b]
            if other == a:
                continue
            before = near[a].get(other, (0, 0.0))
            wall = (before[0] + some, before[1] + total)
            near[a][other] = near[other][a] = wall
            heapq.heappush(queue, (wall[1] / wall[0], min(a, other), max(a, other), wall[0]))


def _roots(parent: NDArray[np.int64]) -> NDArray[np.int64]:
    """Follow every track to the one that it ended up in, the lowest of its axon."""
    while (parent != parent[parent]).any():
        parent = parent[parent]
    return parent
