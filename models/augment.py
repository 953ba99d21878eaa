"""Plausible other views of the same tissue, so that a few sections teach as much as many."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from models.augment_config import AugmentConfig
from models.damage import DamageRates, damage
from models.variants import VARIANTS


@dataclass(frozen=True)
class Patch:
    """A piece of a volume as the network sees it: `image` float32 in [0, 1] and `labels`, both (z, y, x)."""

    image: NDArray[np.float32]
    labels: NDArray[np.int32]


def augment(
    image: NDArray[np.uint8], labels: NDArray[np.int32], *, config: AugmentConfig, rng: np.random.Generator
) -> Patch:
    """Draw another view of a patch.

    Parameters
    ----------
    image, labels : (z, y, x)
        Of equal shape; neither is modified. Mirrors that swap y and x are drawn only if y equals x.
    config : AugmentConfig
        What may happen.
    rng : numpy Generator
        Decides what does; equal states give equal views.

    Returns
    -------
    Patch
        The image interpolated linearly, the labels by nearest neighbour with the same displacement.
    """
    square = image.shape[1] == image.shape[2]
    variant = VARIANTS[rng.integers(16)] if square else VARIANTS[rng.integers(4) + 8 * rng.integers(2)]
    grey = np.ascontiguousarray(variant.apply(image), dtype=np.float32) / np.float32(255)
    ids = np.ascontiguousarray(variant.apply(labels))
    displacement = _displacement((grey.shape[0], grey.shape[1], grey.shape[2]), config=config, rng=rng)
    if displacement is not None:
        grey = warp(grey, displacement, mode="bilinear")
        ids = warp(ids.astype(np.float32), displacement, mode="nearest").astype(np.int32)
    rates = DamageRates(config.missing_rate, config.line_rate, config.faint_rate, config.blur_rate)
    return Patch(image=damage(_regrade(grey, config=config, rng=rng), rates, rng), labels=ids)


def warp(stack: NDArray[np.float32], displacement: NDArray[np.float32], *, mode: str) -> NDArray[np.float32]:
    """Fetch each pixel of `stack` (z, y, x) from `displacement` (z, 2, y, x; y then x, in px) aside; edges reflect."""
    _, height, width = stack.shape
    rows = np.arange(height, dtype=np.float32)[:, None] + displacement[:, 0]
    columns = np.arange(width, dtype=np.float32)[None, :] + displacement[:, 1]
    # grid_sample counts from -1 at the outer edge of the first pixel to 1 at that of the last, x before y
    where = np.stack([(2 * columns + 1) / width - 1, (2 * rows + 1) / height - 1], axis=-1)
    sampled = functional.grid_sample(
        torch.from_numpy(stack)[:, None], torch.from_numpy(where), mode, "reflection", align_corners=False
    )
    return sampled[:, 0].numpy()


def _displacement(
    shape: tuple[int, int, int], *, config: AugmentConfig, rng: np.random.Generator
) -> NDArray[np.float32] | None:
    """Draw where each pixel comes from, (z, 2, y, x) px; None for an undisturbed patch."""
    bends, slips, shifts = rng.random(3) < (config.elastic_rate, config.slip_rate, config.shift_rate)
    if not (bends or slips or shifts):
        return None
    displacement = _bend(shape, config=config, rng=rng) if bends else np.zeros((shape[0], 2, *shape[1:]), np.float32)
    if slips:
        displacement[rng.integers(shape[0])] += _aside(config, rng)
    if shifts:
        displacement[rng.integers(shape[0]) :] += _aside(config, rng)
    return displacement


def _bend(shape: tuple[int, int, int], *, config: AugmentConfig, rng: np.random.Generator) -> NDArray[np.float32]:
    depth, spacing = config.elastic_spacing
    controls = [2 + shape[0] // depth, 2 + shape[1] // spacing, 2 + shape[2] // spacing]
    drawn = rng.normal(0.0, config.elastic_px, size=(1, 2, *controls)).astype(np.float32)
    smooth = functional.interpolate(torch.from_numpy(drawn), size=shape, mode="trilinear", align_corners=True)
    return np.ascontiguousarray(smooth[0].numpy().swapaxes(0, 1))


def _aside(config: AugmentConfig, rng: np.random.Generator) -> NDArray[np.float32]:
    return rng.uniform(-config.shift_px, config.shift_px, size=(2, 1, 1)).astype(np.float32)


def _regrade(grey: NDArray[np.float32], *, config: AugmentConfig, rng: np.random.Generator) -> NDArray[np.float32]:
    # no number is drawn for a rate of 0, so that the stream stays what it was
    if config.section_grade_rate and rng.random() < config.section_grade_rate:
        return np.stack([_graded(section, config, rng) for section in grey])
    return _graded(grey, config, rng)


def _graded(grey: NDArray[np.float32], config: AugmentConfig, rng: np.random.Generator) -> NDArray[np.float32]:
    contrast = 1.0 + rng.uniform(-config.contrast, config.contrast)
    brightness = rng.uniform(-config.brightness, config.brightness)
    gamma = 2.0 ** rng.uniform(-config.gamma_octaves, config.gamma_octaves)
    graded: NDArray[np.float32] = np.clip((grey - 0.5) * contrast + 0.5 + brightness, 0.0, 1.0)
    regraded: NDArray[np.float32] = np.power(graded, gamma, dtype=np.float32)
    return regraded
