"""Measure how fast net A predicts a volume: ours, the predecessor's way, and MONAI's SlidingWindowInferer.

All have the same weights, volume and threads, and take turns. The predecessor's way is float32, contiguous layout,
patches at a stride of half a patch, blended by a tent; its default patch, 31 x 204 x 204, is rounded up to what net A's
pooling divides. MONAI has the same patch, its default overlap (a quarter) and precision (float32). Ours predicts the
whole volume in every round, choice of precision included. Of the others a share of the layers of patches is run, and
their time is scaled by the exact number of patches, each of which costs the same; --share 1 runs everything.

Then, whose the differences are: of a few sections how far each way is from the same network in float32 on whole
sections with all that it looks at, and the others' difference to ours where their patches end farther and farther away.

MONAI is an extra: .venv/bin/python -m pip install -e '.[benchmarks]'; without it, give --without-monai.

    python benchmarks/prediction_speed.py --volume v.h5:raw --share 0.5 # the whole volume
    python benchmarks/prediction_speed.py --quick                       # a small phantom, some two minutes on two cores
"""

import argparse
import importlib.util
import math
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from prediction_differences import inside, tell_distance_to_exact, tell_far_from_ends
from rival_predictions import MonaiWindows, TentBlending, Way

from loop.errors import InputError
from loop.phantom import make_phantom
from loop.volume import open_image
from models.checkpoint import load_network
from models.dataset import TrainingBlock
from models.prediction import predict
from models.prediction_config import PredictionConfig
from models.training import train
from models.training_config import training_preset

QUICK = (32, 256, 256)
KFLOP_A_VOXEL = 435.6
"""Of net A, by torch's FlopCounterMode."""


class Ours:
    """Our prediction, timed in every round."""

    def __init__(self, checkpoint: Path, volume: NDArray[np.uint8]) -> None:
        self.checkpoint, self.volume = checkpoint, volume
        self.clock: list[float] = []
        self.processor: list[float] = []
        self.result = np.empty(0, np.float32)

    def predict(self) -> None:
        """Predict the whole volume."""
        clock, processor, depth = time.perf_counter(), time.process_time(), len(self.volume)
        self.result = predict(
            self.checkpoint,
            lambda z0, z1: self.volume[z0:z1],
            n_sections=depth,
            sections=range(depth),
            config=PredictionConfig(variants=1, device="cpu"),
        ).mean
        self.clock.append(time.perf_counter() - clock)
        self.processor.append(time.process_time() - processor)


def main() -> None:
    """Print the figures."""
    arguments = _arguments()
    torch.set_num_threads(arguments.threads)
    if not arguments.without_monai and importlib.util.find_spec("monai") is None:
        error = InputError(
            "MONAI is not installed",
            given=sys.prefix,
            expected="the extra that benchmarks compare with",
            fix="run .venv/bin/python -m pip install -e '.[benchmarks]', or give --without-monai",
        )
        raise SystemExit(str(error))
    if arguments.quick:
        arguments.rounds = 1
    volume = make_phantom(QUICK).image if arguments.volume is None else _whole(arguments.volume)
    with tempfile.TemporaryDirectory() as scratch:
        checkpoint = arguments.checkpoint or _briefly_trained(Path(scratch))
        _compare(checkpoint, volume, arguments)


def _compare(checkpoint: Path, volume: NDArray[np.uint8], arguments: argparse.Namespace) -> None:
    network = load_network(checkpoint)
    patch = tuple(min(size, extent) for size, extent in zip(arguments.patch, volume.shape, strict=True))
    ways: list[Way] = [TentBlending(network, volume, patch)]
    if not arguments.without_monai:
        ways.append(MonaiWindows(network, volume, patch))
    ours, products = Ours(checkpoint, volume), []
    for part in range(1, arguments.rounds + 1):
        products.append(matrix_rate())
        ours.predict()
        for way in ways:
            way.run_layers(until=math.ceil(way.layers * arguments.share * part / arguments.rounds))
        print(f"round {part} of {arguments.rounds}: ours {ours.clock[-1]:.1f} s", flush=True)
    _print(ours, ways, max(products))
    tell_distance_to_exact(ours.result, ways, checkpoint=checkpoint, volume=volume)
    for way in ways:
        tell_far_from_ends(ours.result, way)


def _print(ours: Ours, ways: list[Way], product_rate: float) -> None:
    clock, processor, voxels = np.mean(ours.clock), np.mean(ours.processor), ours.volume.size
    print(f"net A, {ours.volume.shape}, {torch.get_num_threads()} threads; ours: mean of {len(ours.clock)} predictions")
    print(
        f"{'':>12} {'patches run':>12} {'s in all':>9} {'cpu s':>9} {'Mvoxel/s':>9} {'clock':>7} {'cpu':>7} {'|dp|':>7}"
    )
    print(f"{'ours':>12} {'whole':>12} {clock:>9.1f} {processor:>9.1f} {voxels / clock / 1e6:>9.3f}")
    for way in ways:
        scale = way.patches / way.patches_run
        theirs, cpu = way.clock * scale, way.processor * scale
        inner = inside(ours.volume.shape)
        complete = way.complete()[inner]
        difference = np.abs(way.result() - ours.result)[inner][complete].mean() if complete.any() else math.nan
        print(
            f"{way.name:>12} {f'{way.patches_run} of {way.patches}':>12} {theirs:>9.1f} {cpu:>9.1f}"
            f" {voxels / theirs / 1e6:>9.3f} {theirs / clock:>6.1f}x {cpu / processor:>6.1f}x {difference:>7.4f}"
        )
    rate = KFLOP_A_VOXEL * 1e3 * voxels / clock
    print(
        f"ours {rate / 1e9:.0f} GFLOP/s for {KFLOP_A_VOXEL:.0f} kFLOP a voxel of the volume;"
        f" bfloat16 matrix products {product_rate / 1e9:.0f} GFLOP/s: {rate / product_rate:.0%}"
    )
    print("clock and cpu: how many times longer than ours; |dp|: mean difference to ours away from the borders,")
    print("over the voxels whose patches were all run")


def matrix_rate(seconds: float = 0.5) -> float:
    """Multiply bfloat16 matrices for a while; floating-point operations a second, of the shape that is fastest."""
    rates = []
    for rows, inner, columns in ((3072, 3072, 3072), (2048, 2048, 2048), (4096, 1024, 1024)):
        one, other = torch.randn(rows, inner).bfloat16(), torch.randn(inner, columns).bfloat16()
        one @ other
        begun, count = time.perf_counter(), 0
        while time.perf_counter() - begun < seconds:
            one @ other
            count += 1
        rates.append(2 * rows * inner * columns * count / (time.perf_counter() - begun))
    return max(rates)


def _briefly_trained(folder: Path) -> Path:
    """Train net A on a phantom for a minute, so that its output means something."""
    phantom = make_phantom((8, 192, 192))
    block = TrainingBlock(phantom.image, phantom.labels.astype(np.uint32), np.ones(8, dtype=bool))
    changes = {"steps": 25, "batch": 1, "patch_sections": 4, "patch_px": 96, "average": 0.5}
    config = training_preset("full").model_copy(update={**changes, "checkpoint_every": 1000, "device": "cpu"})
    return train([block], config, out_dir=folder).checkpoint


def _whole(volume: str) -> NDArray[np.uint8]:
    image = open_image(volume)
    whole: NDArray[np.uint8] = np.ascontiguousarray(image.sections(0, image.shape[0]))
    return whole


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--volume", help="EM image, path:dataset; default: a phantom")
    parser.add_argument("--quick", action="store_true", help=f"a phantom of {QUICK}, one round")
    parser.add_argument("--share", type=float, default=0.5, help="of the patches of the other ways, how many are run")
    parser.add_argument("--patch", type=int, nargs=3, default=(32, 208, 208), metavar=("Z", "Y", "X"))
    parser.add_argument("--checkpoint", type=Path, help="weights of net A; default: trained briefly on a phantom")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--without-monai", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
