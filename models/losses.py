"""How far a predicted membrane is from the truth, where there is truth."""

from typing import Literal

from torch import Tensor
from torch.nn import functional

LossName = Literal["bce", "weighted_bce", "bce_dice"]
FOREGROUND_LEAST = 1e-4
WEIGHT_MOST = 50.0


def membrane_loss(logits: Tensor, target: Tensor, mask: Tensor, *, name: LossName) -> Tensor:
    """Compare logits with a membrane target.

    Parameters
    ----------
    logits, target, mask : (batch, 1, z, y, x) float
        `target` is 1 on membrane; `mask` is 1 where the target counts and 0 elsewhere.
    name : {"bce", "weighted_bce", "bce_dice"}
        `weighted_bce` gives membrane and inside equal say: w = y (1 - f) / f + (1 - y) with f the foreground fraction,
        w at most 50. `bce_dice` adds 1 - Dice to the plain cross-entropy.

    Returns
    -------
    scalar
        Finite for finite logits, and 0 where nothing counts.
    """
    if name == "bce":
        return _mean(functional.binary_cross_entropy_with_logits(logits, target, reduction="none"), mask)
    if name == "weighted_bce":
        weight = _balance(target, mask)
        return _mean(functional.binary_cross_entropy_with_logits(logits, target, weight, reduction="none"), mask)
    cross_entropy = _mean(functional.binary_cross_entropy_with_logits(logits, target, reduction="none"), mask)
    return cross_entropy + _one_minus_dice(logits.sigmoid(), target, mask)


def _mean(loss: Tensor, mask: Tensor) -> Tensor:
    return (loss * mask).sum() / mask.sum().clamp(min=1.0)


def _balance(target: Tensor, mask: Tensor) -> Tensor:
    foreground = _mean(target, mask).clamp(min=FOREGROUND_LEAST)
    return (target * (1.0 - foreground) / foreground + (1.0 - target)).clamp(max=WEIGHT_MOST)


def _one_minus_dice(probability: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Dice with one voxel added above and below, so that two empty crops agree."""
    overlap = (probability * target * mask).sum()
    total = ((probability + target) * mask).sum()
    return 1.0 - (2.0 * overlap + 1.0) / (total + 1.0)
