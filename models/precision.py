"""Whether a network may predict in bfloat16 on this machine: decided by measuring it against float32."""

import copy
import time
from dataclasses import dataclass

import torch
from torch import Tensor

from models.names import Precision
from models.readout import membrane_probability
from models.registry import Network, channels_last

DIFFERENCE_MOST = 0.10
MEAN_DIFFERENCE_MOST = 0.005
GAIN_LEAST = 1.2
TURNS = 3
"""Runs in bfloat16 after the first, at most: as many as it takes to see that it is faster."""


@dataclass(frozen=True)
class PrecisionCheck:
    """What the comparison of one input showed: differences of probability, and processor seconds of each."""

    difference_most: float
    difference_mean: float
    seconds_float32: float
    seconds_bfloat16: float

    @property
    def bfloat16_is_better(self) -> bool:
        """Whether bfloat16 agrees with float32 and is clearly faster."""
        agrees = self.difference_most <= DIFFERENCE_MOST and self.difference_mean <= MEAN_DIFFERENCE_MOST
        return agrees and self.seconds_float32 >= GAIN_LEAST * self.seconds_bfloat16


def check_precision(network: Network, rounding: Network, image: Tensor) -> PrecisionCheck:
    """Run a network in float32 and its copy in bfloat16 on `image` and compare."""
    exact, seconds_float32 = _timed(network, image)
    rounded, seconds_bfloat16 = _timed(rounding, image)
    # the first call pays for set-up, and other work on the machine may spoil any one of them
    for _ in range(TURNS):
        if seconds_float32 >= GAIN_LEAST * seconds_bfloat16:
            break
        seconds_bfloat16 = min(seconds_bfloat16, _timed(rounding, image)[1])
    # a NaN on either side makes both figures NaN, which no limit admits
    difference = (exact - rounded).abs()
    return PrecisionCheck(float(difference.max()), float(difference.mean()), seconds_float32, seconds_bfloat16)


def as_bfloat16(network: Network) -> Network:
    """Copy `network` with weights in bfloat16."""
    return channels_last(copy.deepcopy(network).eval().to(torch.bfloat16))


def precision_of(network: Network) -> Precision:
    """Tell which precision a network's weights have."""
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
