"""Where the knife meets the tissue: sections that jitter, slip and are stretched, of fibres that wave."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from loop.phantom_config import PIXEL_NM, PhantomConfig
from loop.phantom_noise import smooth_noise, stretched
from loop.phantom_walls import Plane

KNOT_SECTIONS = 7
"""Sections over which the waving of the fibres changes."""
WAVES_PX = ((34.0, 5.0), (11.0, 1.7))
"""Length and height of the waves, long and short."""
STRETCH_PX = (45.0, 0.6)
"""Length and height of each section's own distortion."""


def section_slips(sections: int, config: PhantomConfig, rng: np.random.Generator) -> NDArray[np.float64]:
    """Displacement (sections, 2) of each section in pixels: its own jitter, and two lasting jumps."""
    slips = rng.normal(0, config.jitter_nm / PIXEL_NM, (sections, 2))
    for start in rng.choice(np.arange(2, sections), 2, replace=False):
        angle = rng.uniform(0, 2 * np.pi)
        slips[start:] += config.slip_nm / PIXEL_NM * np.array([np.sin(angle), np.cos(angle)])
    centred: NDArray[np.float64] = slips - slips.mean(axis=0)
    return centred


def section_shifts(sections: int, config: PhantomConfig, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw by how many pixels (sections, 2) each section was imaged beside its place."""
    return np.rint(rng.uniform(-0.5, 0.5, (sections, 2)) * config.shift_nm / PIXEL_NM).astype(np.int64)


def bent_sections(
    shape: tuple[int, int, int], slips: NDArray[np.float64], shifts: NDArray[np.int64], rng: np.random.Generator
) -> Iterator[tuple[Plane, Plane]]:
    """Tissue coordinates (2, y, x) of each section's pixels, and how they change with the next section."""
    margin = int(np.abs(shifts).max())
    plane = (shape[1] + 2 * margin, shape[2] + 2 * margin)
    grid = np.mgrid[: plane[0], : plane[1]].astype(np.float32) - np.float32(margin)
    knots = shape[0] // KNOT_SECTIONS + 3
    coarse = [rng.standard_normal((knots, 2, *(int(n / spacing) + 4 for n in plane))) for spacing, _ in WAVES_PX]

    def bend(knot: int) -> Plane:
        total = np.zeros((2, *plane), np.float32)
        for grids, (spacing, amount) in zip(coarse, WAVES_PX, strict=True):
            for axis in (0, 1):
                total[axis] += amount * stretched(grids[knot, axis], plane, spacing)
        return total

    before, after = bend(0), bend(1)
    for z in range(shape[0]):
        if z and z % KNOT_SECTIONS == 0:
            before, after = after, bend(z // KNOT_SECTIONS + 1)
        own = np.stack([np.float32(STRETCH_PX[1]) * smooth_noise(shape[1:], STRETCH_PX[0], rng) for _ in range(2)])
        share = np.float32(z % KNOT_SECTIONS / KNOT_SECTIONS)
        slip = slips[z].astype(np.float32)[:, None, None]
        place = tuple(slice(margin + at, margin + at + n) for at, n in zip(shifts[z], shape[1:], strict=True))
        bent = (grid + (1 - share) * before + share * after)[:, *place] + own + slip
        yield np.asarray(bent, np.float32), ((after - before) / np.float32(KNOT_SECTIONS))[:, *place]
