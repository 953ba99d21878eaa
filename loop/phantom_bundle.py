"""The phantom's nerve fibres: where each one's centre and radius are in every section.

Fibres are discs that are pushed from section to section by their own slowly turning drift and by their neighbours,
so that they bend, swell, touch and slide past one another; a few branch, a few end inside the stack, and a few cross
the bundle obliquely. Lengths are in in-plane pixels, times in sections.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

MARGIN_PX = 56
TAPER_SECTIONS = 4
SECTION_THICKNESS_PX = 2.5  # 30 nm in pixels of 12 nm


@dataclass(frozen=True)
class Strand:
    """One unbranched stretch of a fibre, present in sections `first` to `first + len(radius_px) - 1`."""

    first: int
    centre_px: NDArray[np.float64]
    """(sections, 2), y and x."""
    radius_px: NDArray[np.float64]
    drift_px: NDArray[np.float64]
    """(sections, 2): how far the centre moves from one section to the next."""
    lean: NDArray[np.float64]
    """(sections, 2): direction of the longer axis of the cut, and by its length L the ratio of axes sqrt(1 + L^2)."""

    def covers(self, z: int) -> bool:
        """Whether the strand is cut by section `z`."""
        return self.first <= z < self.first + len(self.radius_px)

    def part(self, start: int, stop: int) -> "Strand":
        """Give the stretch from the strand's own section `start` to `stop`, at least one section."""
        keep = slice(start, max(stop, start + 1))
        return Strand(
            self.first + start, *(a[keep] for a in (self.centre_px, self.radius_px, self.drift_px, self.lean))
        )


@dataclass(frozen=True)
class Fibre:
    """One object of the phantom: a strand and its branches, all with the same id."""

    strands: tuple[Strand, ...]
    crosses: bool
    """Whether it runs obliquely through the bundle and pushes the others aside."""


def grow_bundle(shape: tuple[int, int, int], median_radius_px: float, rng: np.random.Generator) -> list[Fibre]:
    """Grow the fibres of a stack of `shape` (z, y, x); some lie partly or wholly in a margin outside the picture."""
    radius = _packing_radii(shape, median_radius_px, rng)
    start = _pack(shape, radius, rng)
    radius = radius[: len(start)]
    middle = shape[0] // 2
    swell = _smooth_paths(rng, (shape[0], len(radius)), 5.0)
    radii = radius * np.clip(1 + 0.2 * swell, 0.5, 1.6)
    wander = 1.3 * np.clip(10 / radius, 0.35, 1.3)
    drift = _smooth_paths(rng, (shape[0], len(radius), 2), 6.0) * wander[None, :, None]
    drift += 0.7 * _smooth_paths(rng, (shape[0], 1, 2), 10.0)
    centres = np.empty((*radii.shape, 2))
    centres[middle] = start
    for order in (range(middle + 1, shape[0]), range(middle - 1, -1, -1)):
        for z in order:
            step = 1 if z > middle else -1
            centres[z] = _push_apart(centres[z - step] + step * drift[z], radii[z])
    centres = ndimage.gaussian_filter1d(centres, 1.0, axis=0)
    flatness = 0.65 * _smooth_paths(rng, (len(radius), shape[0], 2), 8.0, axis=1)
    trunks = [_strand(0, centres[:, i], radii[:, i], flatness[i]) for i in range(len(radius))]
    fibres = [_finished(trunk, shape[0], rng) for trunk in trunks]
    return fibres + [
        _crossing(shape, median_radius_px, trunks, rng)
        for _ in range(max(2, shape[0] * shape[1] * shape[2] // 350_000))
    ]


def _packing_radii(shape: tuple[int, int, int], median_px: float, rng: np.random.Generator) -> NDArray[np.float64]:
    area = (shape[1] + 2 * MARGIN_PX) * (shape[2] + 2 * MARGIN_PX)
    radii = np.clip(median_px * rng.lognormal(0, 0.62, int(area / (2 * median_px**2))), 0.5 * median_px, 4 * median_px)
    kept = radii[np.cumsum(np.pi * radii**2) < 0.88 * area]
    return np.sort(kept)[::-1]


def _pack(shape: tuple[int, int, int], radii: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Drop discs, the largest first, each at the least crowded of some random places; then let them settle."""
    low, high = np.array([-MARGIN_PX, -MARGIN_PX]), np.array(shape[1:]) + MARGIN_PX
    placed: NDArray[np.float64] = np.empty((0, 2))
    for i in range(len(radii)):
        candidates = rng.uniform(low, high, (60, 2))
        gaps = np.linalg.norm(candidates[:, None] - placed[None], axis=2) - radii[None, :i] - radii[i]
        best = int(np.argmax(gaps.min(axis=1))) if i else 0
        placed = np.vstack([placed, candidates[best]])
    for _ in range(60):
        placed = np.clip(_push_apart(placed, radii), low, high)
    return placed


def _push_apart(centres: NDArray[np.float64], radii: NDArray[np.float64]) -> NDArray[np.float64]:
    """Move overlapping discs apart by a part of their overlap, the small ones more."""
    offset = centres[:, None] - centres[None]
    distance = np.linalg.norm(offset, axis=2) + np.eye(len(centres)) + 1e-6
    overlap = np.clip(radii[:, None] + radii[None] - distance, 0, None)
    np.fill_diagonal(overlap, 0)
    share = radii[None] ** 2 / (radii[:, None] ** 2 + radii[None] ** 2)
    moved: NDArray[np.float64] = centres + 0.35 * np.sum((overlap * share / distance)[..., None] * offset, axis=1)
    return moved


def _finished(trunk: Strand, sections: int, rng: np.random.Generator) -> Fibre:
    """End some trunks inside the stack and give others a branch."""
    lot = rng.random()
    if lot < 0.22 and sections > 3 * TAPER_SECTIONS:
        cut = int(rng.integers(TAPER_SECTIONS, sections - TAPER_SECTIONS))
        begins = rng.random() < 0.5
        part = trunk.part(0, cut) if begins else trunk.part(cut, sections)
        return Fibre((replace(part, radius_px=_tapered(part.radius_px, keeps_start=begins)),), crosses=False)
    if lot < 0.40 and sections > 3 * TAPER_SECTIONS:
        return Fibre((trunk, _branch(trunk, sections, rng)), crosses=False)
    return Fibre((trunk,), crosses=False)


def _branch(trunk: Strand, sections: int, rng: np.random.Generator) -> Strand:
    first = int(rng.integers(0, sections - 2 * TAPER_SECTIONS))
    length = min(int(rng.integers(8, 40)), sections - first)
    angle = rng.uniform(0, 2 * np.pi)
    reach = trunk.radius_px[first] * 0.4 + np.cumsum(rng.uniform(1.0, 3.0) * np.exp(-np.arange(length) / 9))
    turn = angle + 0.5 * _smooth_paths(rng, (length,), 5.0)
    away = reach[:, None] * np.stack([np.sin(turn), np.cos(turn)], axis=1)
    radius = np.clip(0.75 * trunk.radius_px[first : first + length], 4.0, 14.0)
    grown = _tapered(radius, keeps_start=True)
    return _strand(first, trunk.centre_px[first : first + length] + away, grown)


def _crossing(shape: tuple[int, int, int], median_px: float, trunks: list[Strand], rng: np.random.Generator) -> Fibre:
    """Send a thin fibre through the bundle at a slant, around the thick ones: a long cut in every section it meets."""
    length = int(rng.integers(min(8, shape[0]), min(36, shape[0]) + 1))
    first = int(rng.integers(0, shape[0] - length + 1))
    angle = rng.uniform(0, 2 * np.pi) + 0.4 * _smooth_paths(rng, (length,), 6.0)
    path = np.cumsum(rng.uniform(4, 13) * np.stack([np.sin(angle), np.cos(angle)], axis=1), axis=0)
    path += rng.uniform((0, 0), shape[1:]) - path[length // 2]
    for k in range(length):
        for trunk in trunks:
            away = path[k] - trunk.centre_px[first + k]
            distance = np.hypot(*away) + 1e-6
            path[k] += away / distance * max(0.0, 0.95 * trunk.radius_px[first + k] - distance)
    path = ndimage.gaussian_filter1d(path, 1.2, axis=0)
    radius = rng.uniform(0.42, 0.8) * median_px * np.clip(1 + 0.25 * _smooth_paths(rng, (length,), 4.0), 0.6, 1.6)
    return Fibre((_strand(first, path, _tapered(_tapered(radius, True), False)),), crosses=True)


def _tapered(radius: NDArray[np.float64], keeps_start: bool) -> NDArray[np.float64]:
    """Let a fibre end roundly in its last sections (or its first ones)."""
    left = np.arange(len(radius))[:: -1 if keeps_start else 1]
    result: NDArray[np.float64] = radius * np.sqrt(np.clip((left + 0.7) / TAPER_SECTIONS, 0, 1))
    return result


def _strand(
    first: int, centre: NDArray[np.float64], radius: NDArray[np.float64], flatness: NDArray[np.float64] | float = 0.0
) -> Strand:
    """Cut a fibre as an ellipse: longer along its drift, as a leaning cylinder is, and along its own flatness."""
    drift = np.gradient(centre, axis=0) if len(centre) > 1 else np.zeros_like(centre)
    return Strand(first, centre, radius, drift, drift / SECTION_THICKNESS_PX + flatness)


def _smooth_paths(
    rng: np.random.Generator, size: tuple[int, ...], sections: float, axis: int = 0
) -> NDArray[np.float64]:
    """Noise of unit variance, correlated over `sections` along one axis."""
    noise = ndimage.gaussian_filter1d(rng.standard_normal(size), sections, axis=axis, mode="wrap")
    unit: NDArray[np.float64] = noise * np.sqrt(2 * np.sqrt(np.pi) * sections)
    return unit
