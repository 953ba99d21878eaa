"""How well profiles of neighbouring sections are linked, given that the profiles themselves are right."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from loop.contingency import contingency, require_same_shape


class LinkScores(BaseModel):
    """Counts of links; a link joins the true profiles of one object in two neighbouring sections."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    recall: float
    """Share of the true links that were made; 1 of none."""
    precision: float
    """Share of the made links that are true; 1 of none."""
    identity_switches: int
    """Times that a true object, followed from section to section, changes its id (MOTA's measure;
    Bernardin and Stiefelhagen 2008)."""


class LinkCounter:
    """Compares tracks with true objects while their sections pass by in the order of z.

    A true object's profile in a section is all of its pixels there; its track is the id that covers most of it, 0
    being none.
    """

    def __init__(self) -> None:
        self._true = self._made = self._both = self._switches = 0
        self._before: dict[int, int] = {}
        self._last: dict[int, int] = {}

    def add(self, tracks: NDArray[Any], truth: NDArray[Any]) -> LinkScores:
        """Take in the next section, both `(y, x)`, and give the scores of its links to the one before."""
        after, before = _tracks_of_profiles(tracks, truth), self._before
        true = len(before.keys() & after.keys())
        both = sum(track == after.get(name) and track != 0 for name, track in before.items())
        made = _links_made(list(before.values()), list(after.values()))
        found = {name: track for name, track in after.items() if track}
        switches = sum(self._last.get(name, track) != track for name, track in found.items())
        self._before, self._last = after, self._last | found
        self._true, self._made = self._true + true, self._made + made
        self._both, self._switches = self._both + both, self._switches + switches
        return _scores(both, true, made, switches)

    @property
    def scores(self) -> LinkScores:
        """Of all links so far."""
        return _scores(self._both, self._true, self._made, self._switches)


def link_scores(tracks: NDArray[Any], truth: NDArray[Any]) -> LinkScores:
    """Compare tracks with true objects, both `(z, y, x)`, as `LinkCounter` does."""
    require_same_shape(tracks, truth)
    counter = LinkCounter()
    for pair in zip(tracks, truth, strict=True):
        counter.add(*pair)
    return counter.scores


def _scores(both: int, true: int, made: int, switches: int) -> LinkScores:
    recall, precision = both / true if true else 1.0, both / made if made else 1.0
    return LinkScores(recall=recall, precision=precision, identity_switches=switches)


def _tracks_of_profiles(tracks: NDArray[Any], truth: NDArray[Any]) -> dict[int, int]:
    table = contingency(tracks, truth)
    order = np.argsort(table.voxels, kind="stable")  # the last one written, the largest, stays
    return dict(zip(table.truth[order].tolist(), table.segmentation[order].tolist(), strict=True))


def _links_made(before: list[int], after: list[int]) -> int:
    """Count the pairs of profiles in two sections that have the same track."""
    ids, counts = np.unique([track for track in before if track], return_counts=True)
    others = dict(zip(*np.unique([track for track in after if track], return_counts=True), strict=True))
    return int(sum(count * others.get(name, 0) for name, count in zip(ids, counts, strict=True)))
