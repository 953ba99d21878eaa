"""Sections that the microscope or the knife spoilt; labels stay, since tissue goes on behind the damage."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Section = NDArray[np.float32]
LINE_PX_MOST = 6.0
BLUR_PX = (0.7, 2.0)
FAINT_CONTRAST = (0.1, 0.5)


@dataclass(frozen=True)
class DamageRates:
    """Shares of patches in which one section is lost, crossed by a grey line, faint, or out of focus."""

    missing: float
    line: float
    faint: float
    blur: float


def damage(grey: NDArray[np.float32], rates: DamageRates, rng: np.random.Generator) -> NDArray[np.float32]:
    """Spoil sections of `grey` (z, y, x), in [0, 1], never two that are neighbours; gives a copy.

    A patch of one section is never lost, since nothing would be left to learn from.
    """
    kinds: list[tuple[float, Callable[[Section, np.random.Generator], Section]]] = [
        (rates.missing if len(grey) > 1 else 0.0, _lost),
        (rates.line, _crossed),
        (rates.faint, _faded),
        (rates.blur, _blurred),
    ]
    spoilt, sound = grey.copy(), set(range(len(grey)))
    for rate, spoil in kinds:
        if rate and sound and rng.random() < rate:
            z = sorted(sound)[rng.integers(len(sound))]
            spoilt[z] = spoil(spoilt[z], rng)
            sound -= {z - 1, z, z + 1}
    return spoilt


def _lost(section: Section, rng: np.random.Generator) -> Section:
    return np.full_like(section, rng.random())


def _crossed(section: Section, rng: np.random.Generator) -> Section:
    """Lay a straight line of one grey across the section, as a fold or a crack does."""
    height, width = section.shape
    angle, y, x = rng.uniform(0, np.pi), rng.uniform(0, height), rng.uniform(0, width)
    away = (np.arange(height)[:, None] - y) * np.cos(angle) + (np.arange(width)[None, :] - x) * np.sin(angle)
    line = np.abs(away) <= rng.uniform(1.0, LINE_PX_MOST) / 2
    return np.where(line, np.float32(rng.random()), section)


def _faded(section: Section, rng: np.random.Generator) -> Section:
    middle = section.mean()
    faded: Section = middle + (section - middle) * np.float32(rng.uniform(*FAINT_CONTRAST))
    return faded


def _blurred(section: Section, rng: np.random.Generator) -> Section:
    blurred: Section = ndimage.gaussian_filter(section, rng.uniform(*BLUR_PX), mode="reflect")
    return blurred
