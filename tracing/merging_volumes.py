"""Merging volumes that were traced separately: axons that lie on one another where volumes overlap become one."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

Name = tuple[int, int]
"""Number of a volume, and an id in it."""


class OverlapRules(BaseModel):
    """When axons of two volumes are one."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    least_iou: float = Field(default=0.3, gt=0, le=1)
    """Least overlap (intersection over union) where both volumes have labels; each must be the other's best besides."""
    conflict_share: float = Field(default=0.1, gt=0, le=1)
    """Two that did not become one are told of if they share this part of either, where both volumes have labels."""


class Conflict(BaseModel):
    """Two axons that overlap and yet did not become one."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    volume: int
    """Number of a volume, from 0."""
    axon: int
    """Its id there."""
    other_volume: int
    """A later volume."""
    other_axon: int
    """Its id there."""
    voxels: int
    """That both have."""
    share: float
    """Of the axon, where both volumes have labels."""
    other_share: float
    """Of the other one."""
    kind: Literal["second best", "little overlap", "two in one"]
    """One of them lies better on a third; or neither does, but they overlap too little; or, together with what was
    joined on better grounds, they would have made two axons of one volume one."""
    z: int
    """First section in which both lie on one another."""


@dataclass(frozen=True)
class Merged:
    """What becomes of the axons of several volumes.

    Attributes
    ----------
    axons : dict of (volume, id) to int
        The id of each in the merged volume, from 1, in the order of volumes and ids.
    joined : int
        Pairs of axons that became one.
    conflicts : list of Conflict
        Those that overlap and did not, the largest overlap first.
    """

    axons: dict[Name, int]
    joined: int
    conflicts: list[Conflict]


@dataclass(frozen=True)
class _Pair:
    first: Name
    second: Name
    voxels: int
    shares: tuple[float, float]
    iou: float
    z: int


class Overlaps:
    """Counts, section by section, how axons of different volumes lie on one another."""

    def __init__(self) -> None:
        self._names: set[Name] = set()
        self._voxels: dict[tuple[Name, Name], int] = defaultdict(int)
        self._first_z: dict[tuple[Name, Name], int] = {}

    def add(self, z: int, sections: Iterable[tuple[int, NDArray[Any]]]) -> None:
        """Look at section `z` of those volumes that show something there: number of the volume, labels `(y, x)`."""
        seen = list(sections)
        for volume, labels in seen:
            self._names.update((volume, one) for one in np.unique(labels[labels > 0]).tolist())
        for (i, first), (j, second) in combinations(seen, 2):
            both = (first > 0) & (second > 0)
            if not both.any():
                continue
            (a, row), (b, column) = (np.unique(some[both], return_inverse=True) for some in (first, second))
            keys, voxels = np.unique(row * len(b) + column, return_counts=True)
            for key, count in zip(keys.tolist(), voxels.tolist(), strict=True):
                pair = ((i, int(a[key // len(b)])), (j, int(b[key % len(b)])))
                self._voxels[pair] += count
                self._first_z.setdefault(pair, z)

    def merged(self, rules: OverlapRules) -> Merged:
        """Join the axons that are each other's best, those of the greatest overlap first.

        No two axons of one volume become one, not even through a third volume: its own tracing knew better (as in
        Kruskal 1956, an edge that would close such a chain is left out).
        """
        pairs = sorted(self._pairs(), key=lambda pair: (-pair.iou, pair.first, pair.second))
        best = _best_partners(pairs)
        groups = {name: {name[0]: name} for name in self._names}
        joined, conflicts = 0, []
        for pair in pairs:
            kind = _kind(pair, best, rules) or ("two in one" if _clash(groups, pair) else None)
            if kind is None:
                union = groups[pair.first] | groups[pair.second]
                groups.update(dict.fromkeys(union.values(), union))
                joined += 1
            elif max(pair.shares) >= rules.conflict_share:
                conflicts.append(_conflict(pair, kind))
        return Merged(_numbered(groups), joined, sorted(conflicts, key=lambda one: -one.voxels))

    def _pairs(self) -> Iterator[_Pair]:
        """Give every pair of axons that share voxels, measured where the two volumes both have labels."""
        of: dict[tuple[Name, int], int] = defaultdict(int)
        for (first, second), voxels in self._voxels.items():
            of[first, second[0]] += voxels
            of[second, first[0]] += voxels
        for (first, second), voxels in self._voxels.items():
            a, b = of[first, second[0]], of[second, first[0]]
            z = self._first_z[first, second]
            yield _Pair(first, second, voxels, (voxels / a, voxels / b), voxels / (a + b - voxels), z)


def _best_partners(pairs: Iterable[_Pair]) -> dict[tuple[Name, int], Name]:
    """Give for each axon and other volume the axon there that it overlaps best; `pairs` have the best first."""
    best: dict[tuple[Name, int], Name] = {}
    for pair in pairs:
        best.setdefault((pair.first, pair.second[0]), pair.second)
        best.setdefault((pair.second, pair.first[0]), pair.first)
    return best


def _kind(
    pair: _Pair, best: dict[tuple[Name, int], Name], rules: OverlapRules
) -> Literal["second best", "little overlap"] | None:
    """Say why a pair is not to be joined, None if it is."""
    mutual = best[pair.first, pair.second[0]] == pair.second and best[pair.second, pair.first[0]] == pair.first
    if not mutual:
        return "second best"
    return None if pair.iou >= rules.least_iou else "little overlap"


def _clash(groups: dict[Name, dict[int, Name]], pair: _Pair) -> bool:
    """Say whether joining a pair would make two axons of one volume one."""
    first, second = groups[pair.first], groups[pair.second]
    return any(first[volume] != second[volume] for volume in first.keys() & second.keys())


def _conflict(pair: _Pair, kind: Literal["second best", "little overlap", "two in one"]) -> Conflict:
    return Conflict(
        volume=pair.first[0],
        axon=pair.first[1],
        other_volume=pair.second[0],
        other_axon=pair.second[1],
        voxels=pair.voxels,
        share=pair.shares[0],
        other_share=pair.shares[1],
        kind=kind,
        z=pair.z,
    )


def _numbered(groups: dict[Name, dict[int, Name]]) -> dict[Name, int]:
    axons: dict[Name, int] = {}
    count = 0
    for name in sorted(groups):
        if name not in axons:
            count += 1
            axons.update(dict.fromkeys(groups[name].values(), count))
    return axons
