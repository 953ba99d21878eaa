"""How well profiles of neighbouring sections are linked, given that the profiles themselves are right."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loop.contingency import contingency, require_same_shape


@dataclass(frozen=True)
class LinkScores:
    """Counts of links; a link joins the true profiles of one object in two neighbouring sections.

    Attributes
    ----------
    recall, precision : float
        Share of the true links that were made, and of the made ones that are true; 1 of none.
    identity_switches : int
        Times that a true object, followed from its first section to its last, changes its id (MOTA's measure;
        Bernardin and Stiefelhagen 2008).
    """

    recall: float
    precision: float
    identity_switches: int


def link_scores(tracks: NDArray[Any], truth: NDArray[Any]) -> LinkScores:
    """Compare tracks with true objects, both `(z, y, x)`.

    A true object's profile in a section is all of its pixels there; its track is the id that covers most of it, 0
    being none.
    """
    require_same_shape(tracks, truth)
    profiles = [_tracks_of_profiles(*pair) for pair in zip(tracks, truth, strict=True)]
    true = made = both = switches = 0
    last: dict[int, int] = {}
    for before, after in zip([{}, *profiles], profiles, strict=False):
        true += len(before.keys() & after.keys())
        both += sum(track == after.get(name) and track != 0 for name, track in before.items())
        made += _links_made(list(before.values()), list(after.values()))
        found = {name: track for name, track in after.items() if track}
        switches += sum(last.get(name, track) != track for name, track in found.items())
        last |= found
    return LinkScores(
        recall=both / true if true else 1.0, precision=both / made if made else 1.0, identity_switches=switches
    )


def _tracks_of_profiles(tracks: NDArray[Any], truth: NDArray[Any]) -> dict[int, int]:
    table = contingency(tracks, truth)
    order = np.argsort(table.voxels, kind="stable")  # the last one written, the largest, stays
    return dict(zip(table.truth[order].tolist(), table.segmentation[order].tolist(), strict=True))


def _links_made(before: list[int], after: list[int]) -> int:
    """Count the pairs of profiles in two sections that have the same track."""
    ids, counts = np.unique([track for track in before if track], return_counts=True)
    others = dict(zip(*np.unique([track for track in after if track], return_counts=True), strict=True))
    return int(sum(count * others.get(name, 0) for name, count in zip(ids, counts, strict=True)))
