"""The network that a training begins with: drawn, with an encoder that has seen ImageNet, or from a checkpoint."""

from pathlib import Path

import torch

from loop.errors import InputError
from models.checkpoint import load_network
from models.dlinknet import LinkNet
from models.layout_refiner import RefinerConfig
from models.refiner import Refiner
from models.registry import Network, build
from models.resnet_weights import load_imagenet
from models.training_config import TrainingConfig
from models.unet3d import UNet3d


def first_network(config: TrainingConfig, start_from: Path | None) -> Network:
    """Give the network to train; equal seeds draw equal weights, and torch's generator is left as it was.

    Raises
    ------
    InputError
        The checkpoint or the encoder's weights are unusable or of another architecture.
    """
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        if start_from is None:
            return _drawn(config)
        if isinstance(config.network, RefinerConfig):
            started = load_network(start_from)
            if isinstance(started, UNet3d) and started.config == config.network.embedding:
                return Refiner(started)
        return load_network(start_from, expected=config.network)


def _drawn(config: TrainingConfig) -> Network:
    network = build(config.network)
    if config.encoder_weights and isinstance(network, LinkNet):
        load_imagenet(network.encoder, config.encoder_weights)
    elif config.encoder_weights:
        raise InputError(
            "this network has no encoder to put published weights into",
            given=f"encoder_weights = {config.encoder_weights!r} for {config.network.architecture}",
            expected="a network of the architecture linknet, or no encoder_weights",
            fix='set encoder_weights = "" in the training settings',
        )
    return network
