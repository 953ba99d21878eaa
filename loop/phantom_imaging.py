"""How the microscope shows a section: membranes by their slant, blur and noise; and what spoils it."""

import numpy as np
from scipy import ndimage, special

from loop.phantom_noise import grainy, smooth_noise
from loop.phantom_walls import Plane, Walls

LEAFLET_PX = 0.65
"""Standard deviation of one membrane's profile, before the beam blurs it."""


def membrane_darkness(walls: Walls, cleft_px: Plane) -> Plane:
    """How much membrane the beam meets at each pixel, 1 at the middle of an upright one.

    A membrane is a Gaussian sheet at half the cleft from the middle of the wall. The section is thicker than it, so the
    image is its integral over the wall's sideways movement within the section: a wide faint band where it is oblique.
    """
    width = np.clip(walls.shift_px, 0.15, None)
    scale = np.sqrt(2) * LEAFLET_PX
    dark = np.zeros_like(width)
    for side in (cleft_px, -cleft_px):
        offset = walls.distance_px - side
        dark += special.erf((offset + width / 2) / scale) - special.erf((offset - width / 2) / scale)
    return np.asarray(dark * (LEAFLET_PX * np.sqrt(np.pi / 2)) / width, np.float32)


def expose(scene: Plane, blur_px: float, noise_grey: float, rng: np.random.Generator) -> Plane:
    """Blur the scene as the beam does and add the detector's noise, which the digitisation smears a little."""
    shape = (scene.shape[0], scene.shape[1])
    sharp = ndimage.gaussian_filter(scene, blur_px, mode="nearest")
    noise = 0.75 * grainy(shape, 0.55, rng) + 0.65 * grainy(shape, 1.1, rng)
    return np.asarray(sharp + noise_grey * noise, np.float32)


def damage(section: Plane, rng: np.random.Generator) -> Plane:
    """Spoil a section in one of three ways: a fold, a nicked knife, or a grey line where rows were lost."""
    shape = (section.shape[0], section.shape[1])
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    angle = rng.uniform(-0.5, 0.5)
    line = np.cos(angle) * (y - shape[0] * rng.uniform(0.3, 0.7)) + np.sin(angle) * (x - shape[1] / 2)
    line += 2.5 * smooth_noise(shape, 40, rng)
    kind = rng.integers(3)
    if kind == 0:
        spoilt = section - 95 * np.exp(-(np.abs(line / 6.5) ** 3)) + 25 * np.exp(-(((line - 10) / 3) ** 2))
    elif kind == 1:
        spoilt = (section - 128) * 0.8 + 128
        for place, width, grey in rng.normal((0, 1.6, 0), (20, 0.5, 45), (9, 3)):
            spoilt += grey * np.exp(-(((line - place) / max(width, 0.7)) ** 2))
    else:
        spoilt = np.where(np.abs(y - shape[0] * rng.uniform(0.3, 0.7)) < 4, 118 + 3 * grainy(shape, 0.5, rng), section)
    return np.asarray(spoilt, np.float32)
