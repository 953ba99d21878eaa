"""The second pass: objects left over that are parts of an object which has its link already."""

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.ndimage import find_objects

from tracing.tracking_costs import Candidates, Seen
from tracing.tracking_links import Links
from tracing.tracking_objects import Numbers
from tracing.tracking_runs import Indices

_PARTED_PX = 2.0
"""Distance of the centres of two pixels with one between."""
_FAINTEST_GAIN = 1e-3


class BranchRules(BaseModel):
    """When an object without a link is a branch of one that has a link."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    least_share: float = Field(default=0.5, ge=0, le=1)
    """Share of the branch that must lie on the object it branches from, after registration."""
    least_lead: float = Field(default=0.3, ge=0, le=1)
    """By so much of its area more must it lie on that object than on any other: between two it is no one's branch."""
    least_gap_nm: float = Field(default=60.0, ge=0)
    """Least distance between two branches. Something else lies between true ones; what abuts is a neighbour."""
    near_share: float = Field(default=0.75, ge=0, le=1)
    """Branches nearer than that, but parted by a pixel, hold if this share of the one lies on the trunk,"""
    near_gain: float = Field(default=1.15, ge=1)
    """and both overlap the trunk (intersection over union) this many times as well as the other one alone."""
    sure_gain: float = Field(default=1.5, ge=1)
    """Branches with such a gain are sure; others are in doubt and never join two tracks of more than five objects."""


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
        Their margin is the log of how many times as well branch and trunk overlap with it as without, above what is
        sure: negative where it is in doubt.
    """
    kept, margin = _branches(
        (pairs.second, pairs.first), pairs.shared_px, (links.second, links.first), seen[::-1], rules, pixel_nm
    )
    chosen = pairs.where(kept)
    return Links(links.z, links.to_z, "split", chosen.first, chosen.second, chosen.cost, margin)


def merges(pairs: Candidates, links: Links, seen: tuple[Seen, Seen], rules: BranchRules, *, pixel_nm: float) -> Links:
    """Link earlier objects that have no link to the later object they run into; as `splits`."""
    kept, margin = _branches(
        (pairs.first, pairs.second), pairs.shared_px, (links.first, links.second), seen, rules, pixel_nm
    )
    chosen = pairs.where(kept)
    return Links(links.z, links.to_z, "merge", chosen.first, chosen.second, chosen.cost, margin)


def _branches(
    pairs: tuple[Indices, Indices],
    shared_px: Numbers,
    linked: tuple[Indices, Indices],
    seen: tuple[Seen, Seen],
    rules: BranchRules,
    pixel_nm: float,
) -> tuple[NDArray[np.bool_], Numbers]:
    """Say which pairs of branch and trunk hold, and the margin of each of these.

    `seen` are the section of the branches and that of the trunks; `linked` those that have each other.
    """
    branch, trunk = pairs
    labels, area_px = seen[0].labels, seen[0].measures.area_px
    share = shared_px / area_px[branch]
    best, second = np.zeros(len(area_px)), np.zeros(len(area_px))
    np.maximum.at(best, branch, share)
    first = share == best[branch]
    np.maximum.at(second, branch[~first], share[~first])
    lead = share - second[branch]
    sibling = np.zeros(len(seen[1].measures.area_px), np.int64)
    sibling[linked[1]] = linked[0]
    gain = _gain(pairs, shared_px, sibling, (area_px, seen[1].measures.area_px))
    likely = first & (share >= rules.least_share) & (lead >= rules.least_lead)
    likely &= ~np.isin(branch, linked[0]) & np.isin(trunk, linked[1])
    kept = np.zeros(len(branch), np.bool_)
    boxes = find_objects(labels) if likely.any() else []
    near = (share >= rules.near_share) & (gain >= rules.near_gain)
    for pair in np.flatnonzero(likely):
        one, other = int(branch[pair]), int(sibling[trunk[pair]])
        gap_px = _gap(labels, one, other, boxes[one - 1], rules.least_gap_nm / pixel_nm)
        kept[pair] = gap_px >= rules.least_gap_nm / pixel_nm or (near[pair] and gap_px >= _PARTED_PX)
    return kept, np.log(np.maximum(gain[kept], _FAINTEST_GAIN) / rules.sure_gain)


def _gain(
    pairs: tuple[Indices, Indices], shared_px: Numbers, sibling: Indices, areas_px: tuple[Numbers, Numbers]
) -> Numbers:
    """Give for each pair how many times as well branch and sibling together overlap the trunk as the sibling alone."""
    branch, trunk = pairs
    own, whole = areas_px
    with_sibling = np.zeros(len(whole))
    first = sibling[trunk] == branch
    with_sibling[trunk[first]] = shared_px[first]
    shared, of_sibling = with_sibling[trunk], own[sibling[trunk]]
    alone = shared / (whole[trunk] + of_sibling - shared)
    both = (shared + shared_px) / (whole[trunk] + of_sibling + own[branch] - shared - shared_px)
    return np.asarray(both / np.maximum(alone, 1e-6), np.float64)


def _gap(labels: NDArray[np.int32], one: int, other: int, box: tuple[slice, ...], reach_px: float) -> float:
    """Give the distance in px of object `one`, which lies in `box`, from another; infinite beyond the reach."""
    reach = int(np.ceil(reach_px))
    around = labels[tuple(slice(max(side.start - reach, 0), side.stop + reach) for side in box)]
    if not (around == other).any():
        return np.inf
    elsewhere = (around != other).view(np.uint8)
    return float(cv2.distanceTransform(elsewhere, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[around == one].min())
