"""The second pass: objects left over that are parts of an object which has its link already."""

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.ndimage import distance_transform_edt, find_objects

from tracing.tracking_costs import Candidates, Seen
from tracing.tracking_links import Links
from tracing.tracking_objects import Numbers
from tracing.tracking_runs import Indices


class BranchRules(BaseModel):
    """When an object without a link is a branch of one that has a link."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    least_share: float = Field(default=0.5, ge=0, le=1)
    """Share of the branch that must lie on the object it branches from, after registration."""
    least_lead: float = Field(default=0.3, ge=0, le=1)
    """By so much of its area more must it lie on that object than on any other: between two it is no one's branch."""
    least_gap_nm: float = Field(default=60.0, ge=0)
    """Least distance between two branches. Something else lies between true ones; what abuts is a neighbour."""


def splits(pairs: Candidates, links: Links, seen: tuple[Seen, Seen], rules: BranchRules, *, pixel_nm: float) -> Links:
    """Link later objects that have no link to the earlier object they came out of.

    Parameters
    ----------
    pairs : Candidates
        All candidates between the two sections.
    links : Links
        Those chosen one to one.
    seen : (Seen, Seen)
        The earlier section, and the later one carried into its frame.
    rules : BranchRules
        When to link.
    pixel_nm : float
        Size of a pixel within the section.

    Returns
    -------
    Links
        Their margin is the lead over the next object in shares of the branch's area, not in nats.
    """
    kept, lead = _branches(
        (pairs.second, pairs.first), pairs.shared_px, (links.second, links.first), seen[1], rules, pixel_nm
    )
    chosen = pairs.where(kept)
    return Links(links.z, links.to_z, "split", chosen.first, chosen.second, chosen.cost, lead)


def merges(pairs: Candidates, links: Links, seen: tuple[Seen, Seen], rules: BranchRules, *, pixel_nm: float) -> Links:
    """Link earlier objects that have no link to the later object they run into; as `splits`."""
    kept, lead = _branches(
        (pairs.first, pairs.second), pairs.shared_px, (links.first, links.second), seen[0], rules, pixel_nm
    )
    chosen = pairs.where(kept)
    return Links(links.z, links.to_z, "merge", chosen.first, chosen.second, chosen.cost, lead)


def _branches(
    pairs: tuple[Indices, Indices],
    shared_px: Numbers,
    linked: tuple[Indices, Indices],
    section: Seen,
    rules: BranchRules,
    pixel_nm: float,
) -> tuple[NDArray[np.bool_], Numbers]:
    """Say which pairs of branch and trunk hold, and by how much each branch leads over its second trunk.

    `section` is the branches' own, and `linked` are the branches and trunks that have each other.
    """
    branch, trunk = pairs
    area_px = section.measures.area_px
    share = shared_px / area_px[branch]
    best, second = np.zeros(len(area_px)), np.zeros(len(area_px))
    np.maximum.at(best, branch, share)
    first = share == best[branch]
    np.maximum.at(second, branch[~first], share[~first])
    lead = share - second[branch]
    siblings = dict(zip(linked[1].tolist(), linked[0].tolist(), strict=True))
    likely = first & (share >= rules.least_share) & (lead >= rules.least_lead)
    likely &= ~np.isin(branch, linked[0]) & np.isin(trunk, linked[1])
    kept = np.zeros(len(branch), np.bool_)
    boxes = find_objects(section.labels) if likely.any() else []
    for pair in np.flatnonzero(likely):
        box, sibling = boxes[branch[pair] - 1], siblings[int(trunk[pair])]
        kept[pair] = not _near(section.labels, int(branch[pair]), sibling, box, rules.least_gap_nm / pixel_nm)
    return kept, lead[kept]


def _near(labels: NDArray[np.int32], one: int, other: int, box: tuple[slice, slice], distance_px: float) -> bool:
    """Say whether object `one`, which lies in `box`, comes within a distance of another."""
    reach = int(np.ceil(distance_px))
    around = labels[tuple(slice(max(side.start - reach, 0), side.stop + reach) for side in box)]
    if not (around == other).any():
        return False
    apart = distance_transform_edt(around != other)
    return bool(apart[around == one].min() < distance_px)
