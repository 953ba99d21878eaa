"""Drift: sections of the pool that no longer look, or are no longer predicted, like those that models learn from."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from loop.section_range import format_sections

LOOKS = ("grey", "contrast", "noise", "sharpness", "texture of 3 px", "texture of 6 px", "histogram")
"""What is measured of an image: mean and standard deviation in grey levels, energy of four bands from fine to coarse
(logarithm of its share), and how many grey levels the histogram lies from that of all the sections learnt from."""
PREDICTED = ("membrane", "uncertainty")
"""What is measured of a prediction: the mean probability, and the mean entropy in bits."""
FAR = 6.0
"""Robust standard deviations from the median of the reference beyond which a section has drifted."""
FAR_TOGETHER = 3.0
"""The same for the middle one of all sections, beyond which the pool as a whole has drifted."""
LEAST_SPREAD = {"grey": 4.0, "contrast": 2.5, "histogram": 4.0, "membrane": 0.01, "uncertainty": 0.02}
"""Standard deviations that are taken at least, since a few neighbouring sections are more alike than a volume is."""
LEAST_TEXTURE_SPREAD = 0.15
ALARM_SHARE = 0.1
"""Share of the pool, and two sections at least, from which on drift is an alarm."""
_CONFIG = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class SectionDrift(BaseModel):
    """A section that has drifted, and by what."""

    model_config = _CONFIG

    section: int
    """Index z in the volume."""
    by: dict[str, float]
    """Robust standard deviations from what is usual of each statistic that is out of range, with its sign."""


class Drift(BaseModel):
    """What of the pool was looked at, and what of it has drifted."""

    model_config = _CONFIG

    looked_at: int
    """Sections of the pool that were measured."""
    sections: list[SectionDrift]
    """Those that have drifted, ascending."""
    together: dict[str, float] = {}
    """The same distances of the middle one of all sections, where they are out of range."""

    @property
    def alarm(self) -> bool:
        """Whether so much has drifted that somebody should look."""
        return bool(self.together) or len(self.sections) >= max(2, ALARM_SHARE * self.looked_at)

    @property
    def words(self) -> str:
        """Say what has drifted, and by what."""
        said = []
        if self.together:
            said.append(f"the pool is unlike the sections learnt from: {_distances(self.together)}")
        if self.sections:
            drifted = format_sections(found.section for found in self.sections)
            said.append(f"{len(self.sections)} of {self.looked_at} pool sections stand out ({drifted}): {self._why()}")
        return "; ".join(said) or f"no drift in {self.looked_at} sections of the pool"

    def _why(self) -> str:
        """Name the statistics by which most sections stand out, with their middle distance."""
        found: dict[str, list[float]] = {}
        for section in self.sections:
            for name, away in section.by.items():
                found.setdefault(name, []).append(away)
        most = sorted(found, key=lambda name: -len(found[name]))[:3]
        return _distances({name: float(np.median(found[name])) for name in most})


def drift_of(pool: Mapping[int, Mapping[str, float]], reference: Mapping[str, Sequence[float]]) -> Drift:
    """Compare each section's statistics with those of the sections learnt from.

    Parameters
    ----------
    pool : mapping of int to mapping
        The statistics of each section, by name, keyed by z.
    reference : mapping of str to sequence of float
        Each statistic of the sections to compare with; one that is not here is not compared.
    """
    usual = {name: _usual(name, values) for name, values in reference.items() if len(values)}
    away = {
        z: {name: (found[name] - middle) / spread for name, (middle, spread) in usual.items()}
        for z, found in sorted(pool.items())
    }
    sections = [SectionDrift(section=z, by=out) for z, found in away.items() if (out := _beyond(FAR, found))]
    middles = {name: float(np.median([found[name] for found in away.values()])) for name in usual} if away else {}
    return Drift(looked_at=len(pool), sections=sections, together=_beyond(FAR_TOGETHER, middles))


def histogram_distances(sections: Sequence[NDArray[Any]], reference: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Give the earth mover's distance of grey histograms `(256,)`, as shares, from a reference one, in grey levels."""
    return np.array([np.abs(np.cumsum(section - reference)).sum() for section in sections], dtype=np.float64)


def _beyond(limit: float, away: Mapping[str, float]) -> dict[str, float]:
    return {name: round(float(distance), 1) for name, distance in away.items() if abs(distance) > limit}


def _distances(away: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {distance:+.0f} standard deviations" for name, distance in away.items())


def _usual(name: str, values: Sequence[float]) -> tuple[float, float]:
    """Give the median and the standard deviation as the median absolute deviation tells it (Rousseeuw and Croux)."""
    middle = float(np.median(values))
    spread = 1.4826 * float(np.median(np.abs(np.asarray(values) - middle)))
    return middle, max(spread, LEAST_SPREAD.get(name, LEAST_TEXTURE_SPREAD))
