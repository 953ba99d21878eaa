"""Which number format a network may predict in on this machine: decided by measuring it against float32."""

import copy
import time
from collections.abc import Sequence

import torch
from torch import Tensor

from models.int8_unet3d import Int8UNet3d
from models.names import Precision
from models.readout import membrane_probability
from models.registry import Network, channels_last

DIFFERENCE_MOST = 0.10
"""Of probability, between a format and float32, but for one voxel in a thousand."""
MEAN_DIFFERENCE_MOST = 0.005
GAIN_LEAST: dict[Precision, float] = {"bfloat16": 1.2, "int8": 1.0}
"""How much faster a format must be than the one before; on a small piece bytes gain half of what they gain at last."""
RUNS = 3
"""Of each format."""


def fastest_that_agrees(network: Network, others: Sequence[Network], image: Tensor) -> Network:
    """Choose among a network and its copies in other formats.

    Parameters
    ----------
    network : Network
        In float32.
    others : sequence of Network
        The copies, the slowest first, that must agree with it and be faster than what comes before.
    image : Tensor
        What all are tried on, (1, 1, z, y, x).
    """
    exact, seconds = _timed(network, image)
    fastest = network
    for other in others:
        # the first run pays for set-up, and other work on the machine may spoil any one of them
        runs = [_timed(other, image) for _ in range(RUNS)]
        taken = min(each for _, each in runs)
        if agrees(runs[0][0], exact) and seconds >= GAIN_LEAST[precision_of(other)] * taken:
            fastest, seconds = other, taken
    return fastest


def agrees(found: Tensor, exact: Tensor) -> bool:
    """Tell whether probabilities are as good as the exact ones."""
    difference = (found - exact).abs().flatten()
    largest = difference.topk(len(difference) // 1000 + 1).values[-1]
    # a NaN on either side makes both figures NaN, which no limit admits
    return bool(difference.mean() <= MEAN_DIFFERENCE_MOST) and bool(largest <= DIFFERENCE_MOST)


def as_bfloat16(network: Network) -> Network:
    """Copy `network` with weights in bfloat16."""
    return channels_last(copy.deepcopy(network).eval().to(torch.bfloat16))


def precision_of(network: Network) -> Precision:
    """Tell which number format a network predicts in."""
    if isinstance(network, Int8UNet3d):
        return "int8"
    return "bfloat16" if next(network.parameters()).dtype == torch.bfloat16 else "float32"


def probabilities(network: Network, image: Tensor) -> Tensor:
    """Predict membrane probability, float32, in the precision of the network's weights."""
    weight = next(network.parameters())
    with torch.inference_mode():
        laid_out = image.to(weight.device, weight.dtype).contiguous(memory_format=torch.channels_last_3d)
        return membrane_probability(network(laid_out).float(), network.config.target)


def _timed(network: Network, image: Tensor) -> tuple[Tensor, float]:
    # the processor's time, since the clock's would also measure what else happens to run; a GPU has none
    clock = time.perf_counter if next(network.parameters()).is_cuda else time.process_time
    begun = clock()
    predicted = probabilities(network, image).cpu()  # which waits for a GPU
    return predicted, clock() - begun
