"""All links of a volume and the tracks that they make, as `proofloop link` and `proofloop trace` have them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracing.tracking import Step
from tracing.tracking_anchors import AnchoredSection
from tracing.tracking_links import LinkKind, Links
from tracing.tracking_tracks import TrackTable


@dataclass(frozen=True)
class Linked:
    """All links of a volume and what came of them.

    Attributes
    ----------
    table : TrackTable
        Links by the numbers of objects.
    tracks : list of (objects + 1,) uint64
        For each section of the volume, the track of its objects.
    ids : list of ndarray
        For each section, the id of its objects.
    damaged : list of int
        Sections that look damaged.
    severed : int
        Links that were cut so that no track holds two anchors of different name.
    aside : int
        Branches in doubt that were not followed.
    """

    table: TrackTable
    tracks: list[NDArray[np.uint64]]
    ids: list[NDArray[Any]]
    damaged: list[int]
    severed: int
    aside: int

    @property
    def n_tracks(self) -> int:
        """The largest track."""
        return max((int(some.max()) for some in self.tracks), default=0)

    def tracks_of(self, z: int, objects: NDArray[Any]) -> NDArray[np.uint64]:
        """Give the tracks `(y, x)` of the objects `(y, x)` of section `z`."""
        ids = self.ids[z]
        # a zero of their own type: beside a plain 0 they would become floating point, which rounds ids above 2**53
        return self.tracks[z][np.searchsorted(np.concatenate([np.zeros(1, ids.dtype), ids]), objects)]

    def kinds(self) -> dict[LinkKind, int]:
        """Count the links by kind."""
        found: Counter[LinkKind] = Counter()
        for links in self.table.links:
            found[links.kind] += len(links)
        return dict(found)


@dataclass(frozen=True)
class Found:
    """What was found when a section was linked, without its pixels.

    Attributes
    ----------
    ids : (objects,) unsigned int
        The id of each object.
    anchored : AnchoredSection
        Its anchors.
    links : list of Links
        To earlier sections.
    damaged : sequence of int
        Sections that turned out to be damaged.
    """

    ids: NDArray[Any]
    anchored: AnchoredSection
    links: list[Links]
    damaged: Sequence[int]


def found_in(step: Step) -> Found:
    """Keep of a step what makes tracks."""
    return Found(step.section.ids, step.anchored, step.links, step.damaged)


def all_linked(sections: Iterable[Found], *, first: int = 0) -> Linked:
    """Take in the links of one section after the other; those before section `first` count as such without objects."""
    table, damaged = TrackTable(), list[int]()
    ids: list[NDArray[Any]] = [np.empty(0, np.uint32)] * first
    table.counts += [0] * first
    for found in sections:
        table.add_section(len(found.ids), found.anchored)
        table.links += found.links
        ids.append(found.ids)
        damaged += found.damaged
    tracks, severed, aside = table.tracks()
    return Linked(table, tracks, ids, damaged, sum(map(len, severed)), sum(map(len, aside)))
