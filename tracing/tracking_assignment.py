"""Which candidates are links: every object in at most one, at the least cost of links, births and deaths together."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from tracing.tracking_costs import Candidates
from tracing.tracking_objects import Numbers

_LIFT = 1.0
"""Added to every cost: 0 would be no edge. Every full matching has as many edges, so it changes nothing else."""


@dataclass(frozen=True)
class Assignment:
    """Links one to one.

    Attributes
    ----------
    links : Candidates
        The chosen pairs.
    margin : (links,) float64
        How much dearer the second-best choice is: the cheapest other candidate of either object, or both ending.
        Near 0 or negative where the link is doubtful.
    """

    links: Candidates
    margin: Numbers


def assign(pairs: Candidates, counts: tuple[int, int], *, ending: float) -> Assignment:
    """Choose links at the least total cost.

    Parameters
    ----------
    pairs : Candidates
        Candidate pairs; each object 1 to `counts` may be in any number of them.
    counts : (int, int)
        Objects of the two sections.
    ending : float
        Cost of every object that ends or begins, that is, stays without a link.

    Notes
    -----
    Beside every object stands one that means "none"; the matching of all of them (Jonker and Volgenant 1987, sparse,
    in scipy) is then the least-cost choice with births and deaths, and its cost grows with the candidates.
    """
    pairs = pairs.where(pairs.cost < 2 * ending)
    if not len(pairs.cost):
        return Assignment(pairs, np.empty(0))
    (a, row), (b, column) = (np.unique(side, return_inverse=True) for side in (pairs.first, pairs.second))
    n, m = len(a), len(b)
    rows = np.concatenate([row, np.arange(n), n + np.arange(m), n + column])
    columns = np.concatenate([column, m + np.arange(n), np.arange(m), m + row])
    cost = np.concatenate([pairs.cost, np.full(n + m, ending), np.zeros(len(pairs.cost))]) + _LIFT
    table = sparse.csr_array((cost, (rows, columns)), shape=(n + m, n + m))
    matched = min_weight_full_bipartite_matching(sparse.csr_matrix(table))
    partner = np.full(n + m, -1)
    partner[matched[0]] = matched[1]
    chosen = partner[row] == column
    return Assignment(pairs.where(chosen), _margins(pairs, chosen, counts, ending))


def _margins(pairs: Candidates, chosen: NDArray[np.bool_], counts: tuple[int, int], ending: float) -> Numbers:
    """Compare each link with the best other candidate of either object, or with none."""
    other = np.where(chosen, np.inf, pairs.cost)
    best: list[Numbers] = []
    for side, count in zip((pairs.first, pairs.second), counts, strict=True):
        least = np.full(count + 1, 2 * ending, np.float64)
        np.minimum.at(least, side, other)
        best.append(least[side[chosen]])
    return np.asarray(np.minimum(*best) - pairs.cost[chosen])
