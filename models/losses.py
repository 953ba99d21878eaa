"""How far a prediction is from the truth, where there is truth."""

import torch
from torch import Tensor
from torch.nn import functional

from models.names import LossName, TargetName

FOREGROUND_LEAST = 1e-4
WEIGHT_MOST = 50.0
FOCUS = 2


def loss_of(drawn: Tensor, wanted: Tensor, mask: Tensor, *, target: TargetName, name: LossName) -> Tensor:
    """Compare what a network drew with what it should have, (batch, channel, z, y, x).

    A distance is compared by its relative error, rounded off below 1 px, and by the cross-entropy of the membrane read
    from it; everything else by the loss called `name`. Affinities are compared where they part, which is as rare as
    membrane.
    """
    match target:
        case "signed_distance":
            relative = functional.smooth_l1_loss(drawn, wanted, reduction="none") / wanted.abs().clamp(min=1.0)
            return _mean(relative + _cross_entropy(-drawn, torch.sigmoid(-wanted)), mask)
        case "affinities":
            return binary_loss(-drawn, 1.0 - wanted, mask, name=name)
        case "membrane" | "binary":
            return binary_loss(drawn, wanted, mask, name=name)


def binary_loss(logits: Tensor, target: Tensor, mask: Tensor, *, name: LossName) -> Tensor:
    """Compare logits with a binary target.

    Parameters
    ----------
    logits, target, mask : (batch, channel, z, y, x) float
        `target` is 0 or 1; `mask` is 1 where the target counts and 0 elsewhere.
    name : str
        `bce` is cross-entropy. `weighted_bce` gives foreground and background equal say:
        w = y (1 - f) / f + (1 - y) with f the foreground fraction, w at most 50. `focal` (Lin, Goyal, Girshick, He and
        Dollar, "Focal loss for dense object detection", 2017) scales each voxel's cross-entropy by the square of what
        its right class lacks.
        `dice` is 1 - Dice; `bce_dice` and `focal_dice` are sums.

    Returns
    -------
    scalar
        Finite for finite logits, and 0 where nothing counts.
    """
    match name:
        case "bce":
            return _mean(_cross_entropy(logits, target), mask)
        case "weighted_bce":
            return _mean(_cross_entropy(logits, target) * _balance(target, mask), mask)
        case "focal":
            return _focal(logits, target, mask)
        case "dice":
            return _one_minus_dice(logits, target, mask)
        case "bce_dice":
            return _mean(_cross_entropy(logits, target), mask) + _one_minus_dice(logits, target, mask)
        case "focal_dice":
            return _focal(logits, target, mask) + _one_minus_dice(logits, target, mask)


def _cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(logits, target, reduction="none")


def _mean(loss: Tensor, mask: Tensor) -> Tensor:
    return (loss * mask).sum() / mask.sum().clamp(min=1.0)


def _balance(target: Tensor, mask: Tensor) -> Tensor:
    foreground = _mean(target, mask).clamp(min=FOREGROUND_LEAST)
    return (target * (1.0 - foreground) / foreground + (1.0 - target)).clamp(max=WEIGHT_MOST)


def _focal(logits: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    lacking = (target - logits.sigmoid()).abs()
    return _mean(lacking**FOCUS * _cross_entropy(logits, target), mask)


def _one_minus_dice(logits: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Dice with one voxel added above and below, so that two empty crops agree."""
    probability = logits.sigmoid()
    overlap = (probability * target * mask).sum()
    total = ((probability + target) * mask).sum()
    return 1.0 - (2.0 * overlap + 1.0) / (total + 1.0)
