"""What the microscope sees of the phantom: every section as a grey picture."""

import numpy as np
from numpy.typing import NDArray

from loop.phantom_config import PIXEL_NM, PhantomConfig
from loop.phantom_imaging import damage, expose, membrane_darkness
from loop.phantom_noise import grainy, smooth_noise
from loop.phantom_organelles import Organelle, draw, draw_vesicles
from loop.phantom_walls import Plane, Walls

CYTOPLASM_GREY = 162.0
PIVOT_GREY = 132.0
"""Contrast drifts about this grey."""
DARKEST_WALL_GREY = 115.0
VESICLE_FREE_GREY = -30.0
"""Vesicles do not lie over organelles that darken the cytoplasm by more than this."""


class Painter:
    """Paints one section after another; what belongs to a fibre or drifts through the stack is drawn once.

    Parameters
    ----------
    sections, fibres : int
        How many of them there are.
    config : PhantomConfig
        Microscope.
    seed : int
        Each section has its own random state from it, so sections may be painted in any order.
    """

    def __init__(self, sections: int, fibres: int, config: PhantomConfig, seed: int) -> None:
        self.config, self.seed = config, seed
        rng = np.random.default_rng([seed, 6])
        self.tone = np.concatenate([[5.0], rng.normal(0, 13, fibres) + 12 * (rng.random(fibres) < 0.15)])
        self.texture = np.concatenate([[0.3], rng.uniform(0.3, 1.6, fibres)])
        self.vesicles = np.concatenate([[0.0], np.where(rng.random(fibres) < 0.22, rng.uniform(0.4, 0.95, fibres), 0)])
        self.gain = np.clip(1 + _drift(rng, sections, 0.07), 0.75, 1.3)
        self.offset = _drift(rng, sections, 16.0)

    def section(self, z: int, walls: Walls, organelles: list[Organelle], where: Plane, *, damaged: bool) -> Plane:
        """Paint section `z` (y, x), not yet clipped to 8 bits; `where` are its tissue coordinates (2, y, x)."""
        rng = np.random.default_rng([self.seed, 7, z])
        shape = (where.shape[1], where.shape[2])
        scene = self._cytoplasm(walls, rng)
        scene += self._organelles(z, walls, organelles, where, rng)
        scene -= self._membranes(walls, rng)
        light = 5 * smooth_noise(shape, 120, rng)
        seen = expose(scene, self.config.blur_nm / PIXEL_NM, self.config.noise_grey, rng)
        shown: Plane = np.asarray((seen - PIVOT_GREY) * self.gain[z] + PIVOT_GREY + self.offset[z] + light, np.float32)
        return damage(shown, rng) if damaged else shown

    def _cytoplasm(self, walls: Walls, rng: np.random.Generator) -> Plane:
        shape = (walls.owner.shape[0], walls.owner.shape[1])
        texture = self.texture[walls.owner]
        mottled = 4 * smooth_noise(shape, 9, rng) + 10 * texture * grainy(shape, 1.4, rng)
        specks = 45 * texture * np.clip(grainy(shape, 0.85, rng) - 1.1, 0, None)
        return np.asarray(CYTOPLASM_GREY + self.tone[walls.owner] + mottled - specks, np.float32)

    def _organelles(
        self, z: int, walls: Walls, organelles: list[Organelle], where: Plane, rng: np.random.Generator
    ) -> Plane:
        inside = draw(organelles, z, walls, where, rng)
        shape = (where.shape[1], where.shape[2])
        cloud = self.vesicles[walls.owner] * np.clip(0.7 + 0.6 * smooth_noise(shape, 20, rng), 0, 1)
        vesicles = draw_vesicles(np.asarray(cloud, np.float32), walls, rng)
        return np.asarray(inside + np.where(inside < VESICLE_FREE_GREY, 0, vesicles), np.float32)

    def _membranes(self, walls: Walls, rng: np.random.Generator) -> Plane:
        """Stain that is stronger here and fainter there, on membranes that are now close and now apart."""
        shape = (walls.owner.shape[0], walls.owner.shape[1])
        stain = np.clip(0.92 + 0.2 * smooth_noise(shape, 26, rng), 0.5, 1.3)
        cleft_px = np.clip(0.75 + 0.4 * smooth_noise(shape, 18, rng), 0.2, 1.6)
        grey = self.config.membrane_grey * stain * membrane_darkness(walls, cleft_px)
        return np.asarray(np.clip(grey, 0, DARKEST_WALL_GREY), np.float32)


def _drift(rng: np.random.Generator, sections: int, size: float) -> NDArray[np.float64]:
    """Let staining or beam wander slowly from section to section, with a step of its own in each."""
    slow = np.cumsum(rng.normal(0, size / 4, sections))
    wander: NDArray[np.float64] = slow - slow.mean() + rng.normal(0, size / 2, sections)
    return wander
