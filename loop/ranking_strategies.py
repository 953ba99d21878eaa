"""Query strategies: chance, fixed distances, and whatever gives every place a value by itself."""

import numpy as np

from loop.places import Place
from loop.ranking_candidates import Batch, Candidates

_POWER = 1.0
"""Kirsch et al. leave it at 1; a larger one comes nearer to taking the highest values."""


def random(candidates: Candidates, batch: Batch) -> list[Place]:
    """Draw places in proportion to their foreground, without replacement; blank and damaged ones never.

    The baseline that a strategy has to beat: Lüth et al., nnActive: a framework for evaluation of active learning in
    3D biomedical segmentation, 2025. Weights by the exponential keys of Efraimidis and Spirakis, Weighted random
    sampling with a reservoir, 2006.
    """
    foreground = candidates.scores["foreground"]
    waiting = batch.rng.exponential(size=len(foreground))
    keys = np.full(len(foreground), -np.inf)
    np.divide(-waiting, foreground, out=keys, where=foreground > 0)
    return batch.highest(candidates.places, keys)


def interval(candidates: Candidates, batch: Batch) -> list[Place]:
    """Take places at fixed distances along z, each in the middle of its stretch; of a section's tiles any one."""
    z = np.array([place.z for place in candidates.places], np.float64)
    sections = np.unique(z)
    middles = (np.arange(batch.n_places) + 0.5) * len(sections) / max(batch.n_places, 1)
    away = np.abs(z[:, None] - sections[middles.astype(int)]).min(axis=1, initial=np.inf)
    any_tile = batch.rng.uniform(0, 0.5, len(z)) * [place.tile is not None for place in candidates.places]
    return batch.highest(candidates.places, -away - any_tile)


def entropy(candidates: Candidates, batch: Batch) -> list[Place]:
    """Take the highest entropy of the prediction per minute (Shannon 1948; Settles, Active learning survey, 2009)."""
    return batch.highest(candidates.places, candidates.value("entropy"))


def margin(candidates: Candidates, batch: Batch) -> list[Place]:
    """Take the smallest margin between the two classes per minute (Scheffer, Decomain and Wrobel 2001)."""
    return batch.highest(candidates.places, candidates.value("margin"))


def variance(candidates: Candidates, batch: Batch) -> list[Place]:
    """Take the largest variance over mirrored views per minute (Wang et al., Neurocomputing 338, 2019)."""
    return batch.highest(candidates.places, candidates.value("variance"))


def bald(candidates: Candidates, batch: Batch) -> list[Place]:
    """Take the most information between prediction and view per minute (Houlsby et al. 2011)."""
    return batch.highest(candidates.places, candidates.value("bald"))


def committee(candidates: Candidates, batch: Batch) -> list[Place]:
    """Take what the models of several iterations contradict each other about most, per minute.

    Query by committee (Seung, Opper and Sompolinsky 1992); the disagreement is the Jensen-Shannon divergence
    (McCallum and Nigam 1998).
    """
    return batch.highest(candidates.places, candidates.value("committee"))


def tracking(candidates: Candidates, batch: Batch) -> list[Place]:
    """Take the most objects that do not fit those of the neighbouring sections, per minute."""
    return batch.highest(candidates.places, candidates.value("tracking"))


def combined(candidates: Candidates, batch: Batch) -> list[Place]:
    """Take what is likeliest changed, by faults of tracking and by entropy together, per minute."""
    return batch.highest(candidates.places, candidates.value("change"))


def power(candidates: Candidates, batch: Batch) -> list[Place]:
    """Draw places in proportion to their information per minute, so that a batch is not more of the same.

    Power acquisition: Gumbel noise on the logarithm of the value (PowerBALD of Kirsch et al., Stochastic batch
    acquisition: a simple baseline for deep active learning, TMLR 2023).
    """
    value = candidates.value("bald")
    keys = np.full(len(value), -np.inf)
    np.log(value, out=keys, where=value > 0)
    return batch.highest(candidates.places, _POWER * keys + batch.rng.gumbel(size=len(keys)))
