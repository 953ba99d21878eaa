"""Small networks, stacks and settings that the tests of models share."""

import numpy as np
from numpy.typing import NDArray

from models.augment_config import NO_AUGMENTATION
from models.dataset import TrainingBlock
from models.layout_dilated import DilatedConfig
from models.layout_refiner import RefinerConfig
from models.layout_unet3d import NetworkConfig
from models.layouts import Layout
from models.training_config import TrainingConfig

FLAT = NetworkConfig(channels=(6, 8), kernels=((1, 3, 3), (1, 3, 3)), pools=((1, 2, 2),), fold=2, stem_sections=3)
"""Joins three sections in its stem, else looks at each by itself, as the cpu preset does."""

DEEP = NetworkConfig(channels=(4, 6), kernels=((1, 3, 3), (3, 3, 3)), pools=((2, 2, 2),))
"""Pools and convolves along z, as the full preset does."""

DILATED = DilatedConfig(channels=(2, 3, 3, 3, 3))
"""The predecessor's net B with next to no channels."""

REFINER = RefinerConfig(embedding=DEEP)
"""A refiner on a small net A."""

IN_3D: tuple[Layout, ...] = (FLAT, DEEP, DILATED, REFINER)

STILL = NO_AUGMENTATION


def tubes(sections: int = 6, px: int = 48) -> tuple[NDArray[np.uint8], NDArray[np.uint32]]:
    """Draw a 3 x 3 bundle of square tubes with dark walls, and its labels."""
    pitch = px // 3
    rows = np.arange(px)
    inside = (rows % pitch >= 2) & (rows % pitch < pitch - 2)
    tube = 3 * (rows // pitch)[:, None] + (rows // pitch)[None, :] + 1
    plane = np.where(inside[:, None] & inside[None, :], tube, 0).astype(np.uint32)
    noise = np.random.default_rng(0).integers(-20, 21, size=(sections, px, px))
    image = np.where(plane > 0, 180, 60) + noise
    return image.astype(np.uint8), np.repeat(plane[None], sections, axis=0)


def block(sections: int = 6, px: int = 48) -> TrainingBlock:
    """Give the bundle with every section annotated."""
    image, labels = tubes(sections, px)
    return TrainingBlock(image=image, labels=labels, annotated=np.ones(sections, dtype=bool))


def alike() -> TrainingBlock:
    """Give one section of which every mirrored view is the same, so that all patches of its size are."""
    rows = np.abs(np.arange(32) - 15.5)
    distance = np.maximum(rows[:, None], rows[None, :])
    labels = np.where(distance < 6, 1, np.where(distance > 9, 2, 0)).astype(np.uint32)[None]
    image = (20 * distance).clip(0, 255).astype(np.uint8)[None]
    return TrainingBlock(image=image, labels=labels, annotated=np.ones(1, dtype=bool))


def settings(**changes: object) -> TrainingConfig:
    """Give settings that train FLAT for a moment."""
    usual: dict[str, object] = {
        "network": FLAT,
        "steps": 6,
        "batch": 2,
        "patch_sections": 1,
        "patch_px": 32,
        "learning_rate": 1e-2,
        "warm_learning_rate": 5e-3,
        "checkpoint_every": 2,
    }
    return TrainingConfig.model_validate(usual | changes)
