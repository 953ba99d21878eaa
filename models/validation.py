"""How a training does on sections that it does not learn from, and when that says to stop."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call

from models.augment_config import NO_AUGMENTATION
from models.batches import Batch, batch
from models.dataset import PatchSampler, PatchShape, TrainingBlock
from models.losses import loss_of
from models.processes import Processes
from models.training_config import TrainingConfig


@dataclass(frozen=True)
class Measurement:
    """The mean loss over the patches; the first of them, and what was drawn of it."""

    loss: float
    first: Batch
    drawn: Tensor


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
        sampler = PatchSampler(blocks, shape, target=config.target, augmentation=NO_AUGMENTATION, seed=config.seed)
        self._batches = [batch(sampler, range(n, n + 1)) for n in range(config.validation_patches)]
        self._config = config

    def measure(self, network: nn.Module, weights: Mapping[str, Tensor], processes: Processes) -> Measurement:
        """Measure `network` with these `weights` and statistics; the network is left as it is."""
        was_training = network.training
        network.eval()
        with torch.no_grad(), processes.autocast():
            measured = [self._of(network, weights, given.to(processes.device)) for given in self._batches]
        network.train(was_training)
        mean = sum(loss for loss, _ in measured) / len(measured)
        return Measurement(mean, self._batches[0], measured[0][1])

    def _of(self, network: nn.Module, weights: Mapping[str, Tensor], given: Batch) -> tuple[float, Tensor]:
        drawn = functional_call(network, dict(weights), (given.image,)).float()
        target, name = self._config.network.target, self._config.loss
        return float(loss_of(drawn, given.target, given.mask, target=target, name=name)), drawn
