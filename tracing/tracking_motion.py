"""Where an object will be seen next if it goes on as it came: slanted neurites move on from section to section."""

import numpy as np
from numpy.typing import NDArray

from tracing.tracking_costs import Candidates, Seen
from tracing.tracking_links import Links
from tracing.tracking_objects import Numbers, measured
from tracing.tracking_runs import runs_of_planes

_MEMORY = 0.5
"""Share of the motion before that stays in the next one."""


def motion_of(links: Links, first: Seen, second: Seen, before: Numbers) -> Numbers:
    """Give how each later object moves on, (objects + 1, 2) px along y and x, 0 without a link.

    Parameters
    ----------
    links : Links
        One to one.
    first, second : Seen
        The two sections, in the frame of the earlier one, so that what both moved by does not count.
    before : (objects + 1, 2)
        How each earlier object moved.
    """
    motion = np.zeros((len(second.measures.area_px), 2))
    step = second.measures.centre_px[links.second] - first.measures.centre_px[links.first]
    motion[links.second] = _MEMORY * before[links.first] + (1 - _MEMORY) * step
    return motion


def ahead(seen: Seen, motion: Numbers, grey: NDArray[np.float32]) -> Seen:
    """Move the objects of a section on by their motion; those that stay within their pixel are left out."""
    height, width = seen.labels.shape
    steps = np.rint(motion).astype(np.int64)
    runs = runs_of_planes(seen.labels)
    owner = seen.labels.ravel()[runs.start]
    goes = (steps != 0).any(axis=1)[owner] & (owner > 0)
    start, owner = runs.start[goes], owner[goes]
    y, x = np.divmod(start, width)
    y, left = y + steps[owner, 0], x + steps[owner, 1]
    right = np.minimum(left + runs.length_px[goes].astype(np.int64), width)
    left = np.maximum(left, 0)
    length = np.where((y >= 0) & (y < height), np.maximum(right - left, 0), 0)
    before = np.cumsum(length) - length
    labels = np.zeros_like(seen.labels)
    labels.ravel()[np.repeat(y * width + left - before, length) + np.arange(length.sum())] = np.repeat(owner, length)
    return Seen(labels, measured(labels, grey, len(motion) - 1))


def cheaper(one: Candidates, other: Candidates) -> Candidates:
    """Give the pairs of either list, each at its lower cost."""
    first = np.concatenate([one.first, other.first])
    second = np.concatenate([one.second, other.second])
    cost = np.concatenate([one.cost, other.cost])
    order = np.lexsort((cost, second, first))
    fresh = np.ones(len(order), np.bool_)
    fresh[1:] = (np.diff(first[order]) != 0) | (np.diff(second[order]) != 0)
    kept = order[fresh]
    shared = np.concatenate([one.shared_px, other.shared_px])
    return Candidates(first[kept], second[kept], cost[kept], shared[kept])
