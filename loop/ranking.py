"""Query strategies: which sections of the pool, or which tiles of them, are worth an annotator's minutes."""

from collections.abc import Callable, Mapping

import numpy as np

from loop import ranking_strategies as strategies
from loop.errors import InputError
from loop.places import Place
from loop.ranking_candidates import Batch, Candidates
from loop.ranking_diversity import diversity

__all__ = ["NEEDS", "STRATEGIES", "TRACED", "Candidates", "choose"]

EMBEDDINGS = "embeddings"
"""Among the needs of a strategy: not a score, but what places look like."""

STRATEGIES: Mapping[str, Callable[[Candidates, Batch], list[Place]]] = {
    "random": strategies.random,
    "interval": strategies.interval,
    "entropy": strategies.entropy,
    "margin": strategies.margin,
    "variance": strategies.variance,
    "bald": strategies.bald,
    "committee": strategies.committee,
    "diversity": diversity,
    "power": strategies.power,
    "tracking": strategies.tracking,
    "combined": strategies.combined,
}

NEEDS: Mapping[str, tuple[str, ...]] = {
    "random": ("foreground",),
    "interval": (),
    "entropy": ("entropy",),
    "margin": ("margin",),
    "variance": ("variance",),
    "bald": ("bald",),
    "committee": ("committee",),
    "diversity": (EMBEDDINGS,),
    "power": ("bald",),
    "tracking": ("tracking",),
    "combined": ("change",),
}
"""What each strategy reads of the candidates beside places and minutes: names of scores, or `embeddings`."""

TRACED = frozenset({"tracking", "change"})
"""Those scores that take a trace of the predicted sections, and with it the size of a voxel."""


def choose(
    strategy: str, candidates: Candidates, n_places: int, *, rng: np.random.Generator, min_distance_sections: int
) -> list[Place]:
    """Choose places by a strategy.

    Parameters
    ----------
    strategy : str
        A name in `STRATEGIES`.
    candidates : Candidates
        What there is to choose from; nothing of it is changed.
    n_places : int
        How many to choose; fewer are returned where the distance leaves no more.
    rng : numpy Generator
        Decides whatever the strategy leaves to chance.
    min_distance_sections : int
        Least difference in z between two chosen sections, or tiles that overlap; 1 or more.

    Returns
    -------
    list of Place
        The best first.

    Raises
    ------
    InputError
        Unknown strategy, candidates without what it needs, or a distance below 1.
    """
    if min_distance_sections < 1:
        raise InputError(
            "min_distance_sections is too small", given=min_distance_sections, expected="1 or more", fix="set it to 1"
        )
    if strategy not in STRATEGIES:
        raise InputError(
            "query strategy not known",
            given=repr(strategy),
            expected=f"one of {', '.join(STRATEGIES)}",
            fix="choose one of these",
        )
    if not candidates.places:  # an exhausted pool: there is nothing that could have been measured
        return []
    there = {*candidates.scores, *([] if candidates.embeddings is None else [EMBEDDINGS])}
    if lacking := [name for name in NEEDS[strategy] if name not in there]:
        raise InputError(
            f"strategy {strategy!r} lacks what it chooses by",
            given=f"no {' and no '.join(lacking)}",
            expected=f"candidates with {', '.join(NEEDS[strategy])}",
            fix="choose another strategy, or measure that too",
        )
    return STRATEGIES[strategy](candidates, Batch(n_places, min_distance_sections, rng))
