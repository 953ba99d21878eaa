"""What people know for certain: points that lie in one track, as hard constraints on linking."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from loop.errors import InputError
from tracing.tracking_costs import Candidates
from tracing.tracking_objects import SectionObjects
from tracing.tracking_runs import Indices


class Anchor(BaseModel):
    """A point inside an object of which someone knows the track."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    z: int = Field(ge=0)
    """Section."""
    y: int = Field(ge=0)
    """Row, in pixels."""
    x: int = Field(ge=0)
    """Column, in pixels."""
    track: str = Field(min_length=1)
    """Any name: points of one name are one track, points of different names are different tracks."""
    fill: bool = False
    """Whether the track is filled in, for a loop, between the anchor of its name before and this one (`trace`)."""

    def __str__(self) -> str:
        return f"'{self.track}' at z={self.z} y={self.y} x={self.x}"


@dataclass(frozen=True)
class AnchoredSection:
    """The anchored objects of one section: object and track, number by number."""

    objects: Indices
    tracks: Indices

    def track_of(self, objects: Indices) -> Indices:
        """Give the track of each object, -1 where no anchor says."""
        found = np.full(int(max(objects.max(initial=0), self.objects.max(initial=0))) + 1, -1, np.int64)
        found[self.objects] = self.tracks
        return found[objects]


def anchored(section: SectionObjects, anchors: Sequence[Anchor], names: Sequence[str]) -> AnchoredSection:
    """Find the objects of a section in which its anchors lie.

    Parameters
    ----------
    section : SectionObjects
        The section.
    anchors : sequence of Anchor
        Those of any section; only this one's count.
    names : sequence of str
        Every track's name; its place is the track's number.

    Raises
    ------
    InputError
        If an anchor lies outside the section or in no object, or two of different tracks in the same object.
    """
    found: dict[int, Anchor] = {}
    for anchor in anchors:
        if anchor.z != section.z:
            continue
        at = _object_at(section, anchor)
        other = found.setdefault(at, anchor)
        if other.track != anchor.track:
            raise InputError(
                "two anchors contradict each other: one object cannot be in two tracks",
                given=f"{other} and {anchor}, both in object {section.ids[at - 1]} of section {section.z}",
                expected="anchors of different tracks in different objects",
                fix="give both the same track, take one away, or split the object",
            )
    tracks = [names.index(anchor.track) for anchor in found.values()]
    return AnchoredSection(np.array(list(found), np.int64), np.array(tracks, np.int64))


def allowed(pairs: Candidates, first: AnchoredSection, second: AnchoredSection) -> Candidates:
    """Leave out the pairs whose objects have anchors, of different tracks or of one (which are linked anyway)."""
    a, b = first.track_of(pairs.first), second.track_of(pairs.second)
    return pairs.where((a < 0) | (b < 0))


def forced(first: AnchoredSection, second: AnchoredSection) -> tuple[Indices, Indices]:
    """Pair the objects of two sections that have anchors of one track."""
    i, j = np.nonzero(first.tracks[:, None] == second.tracks)
    return first.objects[i], second.objects[j]


def _object_at(section: SectionObjects, anchor: Anchor) -> int:
    rows, columns = section.labels.shape
    inside = anchor.y < rows and anchor.x < columns
    at = int(section.labels[anchor.y, anchor.x]) if inside else 0
    if at == 0:
        raise InputError(
            "an anchor lies in no object",
            given=str(anchor),
            expected="a point inside a labelled object" if inside else f"y below {rows} and x below {columns}",
            fix="move the point or take it away",
        )
    return at
