"""How a training does on sections that it does not learn from, and when that says to stop."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call

from models.augment import NO_AUGMENTATION
from models.batches import batch
from models.dataset import PatchSampler, PatchShape, TrainingBlock
from models.losses import membrane_loss
from models.processes import Processes
from models.training_config import TrainingConfig


class Validator:
    """The same patches every time, of blocks that training never sees, mirrored but not altered.

    Parameters
    ----------
    blocks : sequence of TrainingBlock
        As for training.
    config : TrainingConfig
        Says how many patches, and the loss.
    """

    def __init__(self, blocks: Sequence[TrainingBlock], config: TrainingConfig) -> None:
        shape = PatchShape(config.patch_sections, config.patch_px, config.network.context_sections)
        sampler = PatchSampler(
            blocks, shape, border_px=config.border_px, augmentation=NO_AUGMENTATION, seed=config.seed
        )
        self._batches = [batch(sampler, range(n, n + 1)) for n in range(config.validation_patches)]
        self._loss = config.loss

    def loss(self, network: nn.Module, weights: Mapping[str, Tensor], processes: Processes) -> float:
        """Give the mean loss of `network` with these `weights` and statistics; the network is left as it is."""
        was_training = network.training
        network.eval()
        with torch.no_grad(), processes.autocast():
            losses = [self._of(network, weights, number, processes.device) for number in range(len(self._batches))]
        network.train(was_training)
        return sum(losses) / len(losses)

    def _of(self, network: nn.Module, weights: Mapping[str, Tensor], number: int, device: torch.device) -> float:
        given = self._batches[number].to(device)
        logits = functional_call(network, dict(weights), (given.image,))
        return float(membrane_loss(logits.float(), given.membrane, given.mask, name=self._loss))
