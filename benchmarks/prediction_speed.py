"""Measure how fast net A predicts: ours, the predecessor's way, and the machine's own bfloat16 matrix products.

The predecessor's way is float32, contiguous layout, patches at a stride of half a patch, blended by a tent. Both sides
have the same weights, take turns, and use the same threads. Clock and processor seconds are both printed, since other
work on the machine spoils the clock alone. The one check of whether bfloat16 agrees is timed by itself.

    python benchmarks/prediction_speed.py --quick                       # the phantom, less than 3 minutes on two cores
    python benchmarks/prediction_speed.py --volume v.h5:raw --crop 32,320,320
"""

import argparse
import itertools
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.flop_counter import FlopCounterMode

from loop.phantom import make_phantom
from loop.volume import open_image
from models.checkpoint import load_network
from models.dataset import TrainingBlock
from models.precision import check_precision
from models.prediction import PredictionConfig, predict
from models.registry import channels_last
from models.training import train
from models.training_config import training_preset

QUICK_CROP = (16, 240, 240)
TRAINING_STEPS = 25
PATCH = (16, 160, 160)
BORDER = (0, 32, 32)
"""Left out of the comparison: there the two ways see other surroundings."""


@dataclass(frozen=True)
class Timed:
    """The result of a call, with the clock's and the processor's seconds."""

    result: NDArray[np.float32]
    clock: float
    processor: float


def main() -> None:
    """Print the figures."""
    arguments = _arguments()
    torch.set_num_threads(arguments.threads)
    crop = _crop(arguments.volume, QUICK_CROP if arguments.quick else tuple(map(int, arguments.crop.split(","))))
    with tempfile.TemporaryDirectory() as scratch:
        checkpoint = arguments.checkpoint or _briefly_trained(Path(scratch))
        _compare(checkpoint, crop, arguments.rounds)


def _compare(checkpoint: Path, crop: NDArray[np.uint8], rounds: int) -> None:
    network = load_network(checkpoint)
    corner = _tensor(crop[:8, :128, :128])
    check = check_precision(channels_last(load_network(checkpoint)), corner)
    print(f"net A, crop {crop.shape}, {torch.get_num_threads()} threads, {rounds} round(s)")
    print(
        f"bfloat16 against float32 with channels last: mean difference {check.difference_mean:.4f},"
        f" {check.seconds_float32 / check.seconds_bfloat16:.1f} times as fast"
    )
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network(corner)
    flops_a_voxel = counter.get_total_flops() / corner.numel()
    theirs, ours, products = [], [], []
    for _ in range(rounds):
        products.append(_matrix_rate())
        theirs.append(_timed(lambda: _tent_blended(network, crop)))
        ours.append(_timed(lambda: _ours(checkpoint, crop)))
    _print(crop.size, min(theirs, key=_processor), min(ours, key=_processor), (flops_a_voxel, max(products)))


def _print(voxels: int, theirs: Timed, ours: Timed, rates: tuple[float, float]) -> None:
    flops_a_voxel, product_rate = rates
    print(f"{'':>12} {'s':>8} {'cpu s':>8} {'Mvoxel/s':>9}")
    for name, timed in (("predecessor", theirs), ("ours", ours)):
        print(f"{name:>12} {timed.clock:>8.1f} {timed.processor:>8.1f} {voxels / timed.clock / 1e6:>9.3f}")
    print(
        f"ratio: {theirs.clock / ours.clock:.1f} by the clock, {theirs.processor / ours.processor:.1f} by cpu seconds"
    )
    window = tuple(slice(border, extent - border) for border, extent in zip(BORDER, ours.result.shape, strict=True))
    print(f"mean absolute difference away from the borders: {np.abs(theirs.result - ours.result)[window].mean():.4f}")
    rate = flops_a_voxel * voxels / ours.clock
    print(
        f"ours {rate / 1e9:.0f} GFLOP/s for {flops_a_voxel / 1e3:.0f} kFLOP a voxel, of"
        f" {product_rate / 1e9:.0f} GFLOP/s of bfloat16 matrix products: {rate / product_rate:.0%}"
    )


def _ours(checkpoint: Path, crop: NDArray[np.uint8]) -> NDArray[np.float32]:
    config = PredictionConfig(variants=1, precision="bfloat16", block_sections=len(crop), device="cpu")
    found = predict(
        checkpoint, lambda z0, z1: crop[z0:z1], n_sections=len(crop), sections=range(len(crop)), config=config
    )
    return found.mean


def _tent_blended(network: torch.nn.Module, crop: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Predict patches at a stride of half a patch and average them with weights that fall linearly to the edges."""
    patch = tuple(min(size, extent) for size, extent in zip(PATCH, crop.shape, strict=True))
    tents = [1.0 - np.abs(np.linspace(-1, 1, size + 2)[1:-1]) for size in patch]
    tent = np.einsum("i,j,k->ijk", *tents).astype(np.float32)
    total, weight = np.zeros(crop.shape, np.float32), np.zeros(crop.shape, np.float32)
    starts = [_starts(extent, size) for extent, size in zip(crop.shape, patch, strict=True)]
    with torch.inference_mode():
        for corner in itertools.product(*starts):
            window = tuple(slice(start, start + size) for start, size in zip(corner, patch, strict=True))
            total[window] += tent * network(_tensor(crop[window]))[0, 0].sigmoid().numpy()
            weight[window] += tent
    return total / weight


def _starts(extent: int, size: int) -> list[int]:
    return sorted({*range(0, extent - size, max(1, size // 2)), extent - size})


def _matrix_rate(size: int = 3072, seconds: float = 1.5) -> float:
    """Multiply bfloat16 matrices for a while; floating-point operations a second."""
    one, other = (torch.randn(size, size).to(torch.bfloat16) for _ in range(2))
    one @ other
    begun, count = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        one @ other
        count += 1
    return 2 * size**3 * count / (time.perf_counter() - begun)


def _briefly_trained(folder: Path) -> Path:
    """Train net A on a phantom for a minute at most, so that its output means something."""
    phantom = make_phantom((8, 192, 192))
    block = TrainingBlock(phantom.image, phantom.labels.astype(np.uint32), np.ones(8, dtype=bool))
    changes = {"steps": TRAINING_STEPS, "batch": 1, "patch_sections": 4, "patch_px": 96, "average": 0.5}
    config = training_preset("full").model_copy(update={**changes, "checkpoint_every": 1000, "device": "cpu"})
    return train([block], config, out_dir=folder).checkpoint


def _crop(volume: str | None, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    if volume is None:
        return make_phantom((shape[0], shape[1], shape[2])).image
    image = open_image(volume)
    crop: NDArray[np.uint8] = np.ascontiguousarray(image.sections(0, shape[0])[:, : shape[1], : shape[2]])
    return crop


def _tensor(stack: NDArray[np.uint8]) -> torch.Tensor:
    return torch.from_numpy(stack.astype(np.float32) / np.float32(255))[None, None]


def _timed(call: Callable[[], NDArray[np.float32]]) -> Timed:
    clock, processor = time.perf_counter(), time.process_time()
    result = call()
    return Timed(result, time.perf_counter() - clock, time.process_time() - processor)


def _processor(timed: Timed) -> float:
    return timed.processor


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--volume", help="EM image, path:dataset; default: the phantom")
    parser.add_argument("--crop", default="32,320,320", help="z,y,x of the corner that is predicted")
    parser.add_argument("--quick", action="store_true", help=f"a crop of {QUICK_CROP}")
    parser.add_argument("--checkpoint", type=Path, help="weights of net A; default: trained briefly on a phantom")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    return parser.parse_args()


if __name__ == "__main__":
    main()
