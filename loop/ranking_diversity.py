"""Choosing places that look different from one another and from what is labelled."""

import numpy as np
from scipy.spatial import cKDTree

from loop.places import Place
from loop.ranking_candidates import Batch, Candidates, Numbers


def diversity(candidates: Candidates, batch: Batch) -> list[Place]:
    """Again and again the place that looks least like any labelled or chosen one, per expected minute.

    Greedy k-center over the embeddings of whole places (Sener and Savarese, Active learning for convolutional neural
    networks: a core-set approach, ICLR 2018). Where nothing is labelled, the first is the most ordinary one.
    """
    assert candidates.embeddings is not None
    embeddings, known = _even(candidates.embeddings, candidates.labelled_embeddings)
    distance: Numbers = np.full(len(embeddings), np.inf)
    if len(known):
        distance = np.asarray(cKDTree(known).query(embeddings)[0], np.float64)
    free = np.ones(len(embeddings), np.bool_)
    z = np.array([place.z for place in candidates.places])
    chosen: list[Place] = []
    while len(chosen) < batch.n_places and free.any():
        if np.isinf(distance).all():
            worth = -_distance(embeddings, embeddings.mean(axis=0))
        else:
            worth = distance / candidates.expected_minutes
        best = int(np.where(free, worth, -np.inf).argmax())
        chosen.append(candidates.places[best])
        distance = np.minimum(distance, _distance(embeddings, embeddings[best]))
        for number in np.flatnonzero(free & (np.abs(z - chosen[-1].z) < batch.min_distance_sections)).tolist():
            free[number] = not batch.too_near(candidates.places[number], chosen[-1])
    return chosen


def _even(embeddings: Numbers, labelled: Numbers | None) -> tuple[Numbers, Numbers]:
    """Give every feature the same spread over the candidates."""
    known = np.empty((0, embeddings.shape[1])) if labelled is None else labelled
    spread = embeddings.std(axis=0)
    scale = np.where(spread > 0, spread, 1)
    return embeddings / scale, known / scale


def _distance(embeddings: Numbers, one: Numbers) -> Numbers:
    away = embeddings - one
    return np.asarray(np.sqrt(np.einsum("nd,nd->n", away, away)), np.float64)
