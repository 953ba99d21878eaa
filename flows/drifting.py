"""Has the pool left what models learn from? Image statistics and predictions, section by section."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flows.runs import Run
from loop.drift import LOOKS, PREDICTED, Drift, drift_of, histogram_distances
from loop.predictions import PredictionStore
from loop.section_looks import look_of
from loop.uncertainty import entropy_map

_SECTIONS_MOST = 200
"""Of more, evenly spaced ones are looked at."""
_PX_MOST = 1024
"""Of larger sections, a square of this edge in the middle."""


@dataclass(frozen=True)
class _Looked:
    look: NDArray[np.float64]
    histogram: NDArray[np.float64]


def pool_drift(run: Run, store: PredictionStore) -> Drift:
    """Compare the sections that wait in the pool with those learnt from.

    Their images are compared with those of the labelled sections. What the model says of them is compared with what it
    says of the hold-out: on sections that it has learnt from it is too sure of itself.
    """
    learnt, waiting = _some(sorted(run.ledger.trainable())), _some(run.unlabelled_pool())
    if not waiting:
        return Drift(looked_at=0, sections=[])
    usual, seen = ([_looked(run, z) for z in sections] for sections in (learnt, waiting))
    mean = np.mean([one.histogram for one in usual], axis=0)
    reference = {name: list(values) for name, values in zip(LOOKS, _columns(usual, mean), strict=True)}
    held_out = [_predicted(store, z) for z in _some(run.sections["holdout"])]
    reference |= {name: [one[name] for one in held_out] for name in PREDICTED}
    images = _columns(seen, mean).T
    pool = {
        z: dict(zip(LOOKS, row, strict=True)) | _predicted(store, z) for z, row in zip(waiting, images, strict=True)
    }
    return drift_of(pool, reference)


def _columns(sections: Sequence[_Looked], mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give every statistic of `LOOKS` as a row over the sections; energies as shares of the contrast's."""
    found = np.stack([one.look for one in sections])
    found[:, 2:] -= 2 * np.log(np.maximum(found[:, 1:2], 1))
    return np.vstack([found.T, histogram_distances([one.histogram for one in sections], mean)])


def _looked(run: Run, z: int) -> _Looked:
    image = _middle(run.image.section(z))
    return _Looked(look_of(image), np.bincount(image.ravel(), minlength=256) / image.size)


def _predicted(store: PredictionStore, z: int) -> dict[str, float]:
    membrane = _middle(store.membrane(z))
    return {"membrane": float(membrane.mean()), "uncertainty": float(entropy_map(membrane).mean())}


def _middle(section: NDArray[Any]) -> NDArray[Any]:
    starts = [max(0, (extent - _PX_MOST) // 2) for extent in section.shape]
    return section[tuple(slice(start, start + _PX_MOST) for start in starts)]


def _some(sections: Sequence[int]) -> list[int]:
    chosen = np.linspace(0, len(sections) - 1, min(len(sections), _SECTIONS_MOST)).round().astype(int)
    return [sections[number] for number in chosen]
