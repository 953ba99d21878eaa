"""Which sections to label first, while there is no model yet: typical ones, of every look along the stack."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2

from loop.section_looks import damaged

_NEAR = 4
"""Two sections are near at less than this part of the distance at which even ones would lie."""


def first_sections(looks: NDArray[Any], sections: Sequence[int], n_sections: int) -> list[int]:
    """Choose sections that stand for all others.

    With few labels typical examples teach more than unusual ones: the sections are parted into as many groups as are
    to be labelled, by look and place along the stack, and the one nearest to the middle of each group is taken
    (Hacohen, Dekel and Weinshall, Active learning on a budget: opposite strategies suit high and low budgets, ICML
    2022). Sections that look damaged or blank are left out, and neighbours of one already chosen, which show the same
    cells, wherever a group has others.

    Parameters
    ----------
    looks : ndarray of float, shape (sections, features)
        Of each section (`loop.section_looks`).
    sections : sequence of int
        Their z.
    n_sections : int
        How many to choose; fewer where less are left.

    Returns
    -------
    list of int
        Ascending z.
    """
    found, z = np.asarray(looks, np.float64), np.asarray(sections, np.int64)
    sound = ~damaged(found)
    found, z = found[sound], z[sound]
    if len(z) <= n_sections:
        return sorted(z.tolist())
    points = _even(np.column_stack([found, z]))
    # the looks together weigh as much as the place along the stack
    points[:, :-1] /= np.sqrt(found.shape[1])
    starts = points[((np.arange(n_sections) + 0.5) * len(z) / n_sections).astype(int)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a group that lost all its members; then there is one section less
        middles, group = kmeans2(points, starts, minit="matrix")
    away = np.linalg.norm(points - middles[group], axis=1)
    members = [np.flatnonzero(group == number) for number in range(n_sections)]
    apart = np.ptp(z) / (_NEAR * n_sections)
    chosen: list[int] = []
    for some in sorted(filter(len, members), key=len):
        typical = z[some[np.argsort(away[some], kind="stable")]].tolist()
        free = [here for here in typical if all(abs(here - other) >= apart for other in chosen)]
        chosen.append((free or typical)[0])
    return sorted(chosen)


def _even(values: NDArray[np.float64]) -> NDArray[np.float64]:
    spread = values.std(axis=0)
    return np.asarray((values - values.mean(axis=0)) / np.where(spread > 0, spread, 1), np.float64)
