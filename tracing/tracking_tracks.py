"""From links to tracks: everything that hangs together has one id, except what anchors keep apart."""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from tracing.tracking_anchors import AnchoredSection
from tracing.tracking_doubts import left_aside, root_of
from tracing.tracking_links import Links
from tracing.tracking_runs import Indices


@dataclass
class TrackTable:
    """Collects links section by section and turns them into tracks: numbers per object, never pixels."""

    counts: list[int] = field(default_factory=list)
    links: list[Links] = field(default_factory=list)
    anchors: list[tuple[int, AnchoredSection]] = field(default_factory=list)

    def add_section(self, count: int, anchored: AnchoredSection) -> None:
        """Hear of the next section's objects 1 to `count` and its anchors."""
        if len(anchored.objects):
            self.anchors.append((len(self.counts), anchored))
        self.counts.append(count)

    def tracks(self) -> tuple[list[NDArray[np.uint64]], list[Links], list[Links]]:
        """Give every object its track.

        Returns
        -------
        tracks : list of (objects + 1,) uint64
            For each section, the track of objects 1, 2, ...; entry 0, the background, is 0. Tracks are numbered from
            1 in the order in which they begin.
        severed : list of Links
            Links that were not followed, since they would have joined tracks of different anchors: of each chain
            between two anchors the one of the smallest margin.
        aside : list of Links
            Branches that were not followed, since they are in doubt (a negative margin) and much would hang on them.
        """
        offsets = np.concatenate([[0], np.cumsum(self.counts)]).astype(np.int64)
        a, b, trust = self._edges(offsets)
        names = np.full(int(offsets[-1]), -1, np.int64)
        for z, section in self.anchors:
            names[offsets[z] + section.objects - 1] = section.tracks
        doubtful = self._branches() & (trust < 0)
        aside = left_aside(a, b, trust, doubtful, _components(a[~doubtful], b[~doubtful], names))
        severed = ~aside
        severed[severed] = ~_severed(a[~aside], b[~aside], trust[~aside], names)
        kept = ~(aside | severed)
        track = _numbered(_components(a[kept], b[kept], names))
        per_section = [
            np.concatenate([[0], track[start:stop]]).astype(np.uint64) for start, stop in pairwise(offsets.tolist())
        ]
        return per_section, self._those(severed), self._those(aside)

    def _edges(self, offsets: Indices) -> tuple[Indices, Indices, NDArray[np.float64]]:
        if not self.links:
            return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
        a = np.concatenate([offsets[links.z] + links.first - 1 for links in self.links])
        b = np.concatenate([offsets[links.to_z] + links.second - 1 for links in self.links])
        return a, b, np.concatenate([links.margin for links in self.links])

    def _branches(self) -> NDArray[np.bool_]:
        """Say of every link whether it is a branch."""
        kinds = np.array([links.kind in ("split", "merge") for links in self.links], np.bool_)
        return np.repeat(kinds, np.array(list(map(len, self.links)), np.int64))

    def _those(self, chosen: NDArray[np.bool_]) -> list[Links]:
        ends = np.cumsum([0, *map(len, self.links)]).tolist()
        parts = (links.where(chosen[slice(*ends_)]) for links, ends_ in zip(self.links, pairwise(ends), strict=True))
        return [part for part in parts if len(part)]


def _components(a: Indices, b: Indices, names: Indices) -> NDArray[np.int32]:
    """Give a number to what hangs together by links or by the name of its anchors."""
    n, named = len(names), np.flatnonzero(names >= 0)
    a, b = np.concatenate([a, named]), np.concatenate([b, n + names[named]])
    size = n + int(names.max(initial=-1)) + 1
    graph = sparse.coo_array((np.ones(len(a), np.int8), (a, b)), shape=(size, size))
    component: NDArray[np.int32] = connected_components(graph, directed=False)[1]
    return component[:n]


def _numbered(component: NDArray[np.int32]) -> NDArray[np.int64]:
    """Renumber from 1 in the order of first appearance."""
    _, first, inverse = np.unique(component, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(1, len(first) + 1)
    return rank[inverse]


def _severed(a: Indices, b: Indices, trust: NDArray[np.float64], names: Indices) -> NDArray[np.bool_]:
    """Say which links may stay so that no two names hang together: the most trusted ones first (Kruskal 1956)."""
    kept = np.ones(len(a), np.bool_)
    component = _components(a, b, np.full_like(names, -1))
    together = np.unique(np.stack([component[names >= 0], names[names >= 0]]), axis=1)
    parts, times = np.unique(together[0], return_counts=True)
    doubtful = np.flatnonzero(np.isin(component[a], parts[times > 1]))
    root = {int(node): int(node) for node in np.unique(np.concatenate([a[doubtful], b[doubtful]]))}
    name = {node: int(names[node]) for node in root}
    for link in doubtful[np.argsort(-trust[doubtful], kind="stable")].tolist():
        one, other = root_of(root, int(a[link])), root_of(root, int(b[link]))
        if name[one] >= 0 and name[other] >= 0 and name[one] != name[other]:
            kept[link] = False
        else:
            root[other] = one
            name[one] = max(name[one], name[other])
    return kept
