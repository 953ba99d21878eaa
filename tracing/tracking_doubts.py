"""Branches that are in doubt: one is followed only where little hangs on it, since a wrong one joins two axons."""

import numpy as np
from numpy.typing import NDArray

from tracing.tracking_runs import Indices

_FEW = 5
"""Objects of the smaller side that a branch in doubt may join to the other."""


def left_aside(
    a: Indices, b: Indices, margin: NDArray[np.float64], doubtful: NDArray[np.bool_], component: NDArray[np.int32]
) -> NDArray[np.bool_]:
    """Say which links in doubt are not followed.

    Parameters
    ----------
    a, b : (links,) int64
        The objects that each link joins, counted through the volume.
    margin : (links,) float64
        The surer ones are looked at first.
    doubtful : (links,) bool
        Which are in doubt.
    component : (objects,) int32
        What hangs together without these.

    Returns
    -------
    (links,) bool
        True of those in doubt that would join more than a few objects to more than a few.
    """
    size = np.bincount(component).tolist()
    root = dict(enumerate(range(len(size))))
    aside = np.zeros(len(a), np.bool_)
    places = np.flatnonzero(doubtful)
    for place in places[np.argsort(-margin[places], kind="stable")].tolist():
        one, other = root_of(root, int(component[a[place]])), root_of(root, int(component[b[place]]))
        if one != other and min(size[one], size[other]) > _FEW:
            aside[place] = True
        elif one != other:
            root[other] = one
            size[one] += size[other]
    return aside


def root_of(root: dict[int, int], node: int) -> int:
    """Give the root of a node's tree, and flatten the way there."""
    while root[node] != node:
        root[node] = root[root[node]]
        node = root[node]
    return node
