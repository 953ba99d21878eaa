"""Measure what averaging sixteen mirrored views costs: time against one pass, and memory above the network's own.

Net A predicts two generated volumes, one with four times the sections of the other, block by block and without keeping
what it gave; each run is a process of its own, and those with one view and with sixteen take turns. The network's own
memory is that of the network alone on the sections that one block reads.

    python benchmarks/augmented_prediction.py                            # some ten minutes on two cores
    python benchmarks/augmented_prediction.py --sections 8 --px 256      # quick
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from models.checkpoint import Checkpoint, load_network, save_checkpoint
from models.fusing import fused
from models.layout_unet3d import network_preset
from models.precision import as_bfloat16, probabilities
from models.prediction import predict_blocks
from models.prediction_config import PredictionConfig
from models.registry import build
from models.stacks import as_input
from models.tiles import padded

TIMES_LARGER = 4


def main() -> None:
    """Print the figures, or be one of the processes that are measured."""
    arguments = _arguments()
    if arguments.variants is not None:
        print(json.dumps(_measured(arguments)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        checkpoint, layout = Path(scratch) / "net.safetensors", network_preset("full")
        save_checkpoint(checkpoint, Checkpoint(layout, build(layout).state_dict(), provenance={}))
        for sections in (arguments.sections, TIMES_LARGER * arguments.sections):
            _compare(checkpoint, sections, arguments)


def _compare(checkpoint: Path, sections: int, arguments: argparse.Namespace) -> None:
    def run(variants: int) -> dict[str, float]:
        command = [sys.executable, __file__, "--checkpoint", checkpoint, "--px", arguments.px, "--sections", sections]
        command += ["--variants", variants, "--threads", arguments.threads]
        done = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True)
        found: dict[str, float] = json.loads(done.stdout)
        return found

    before, sixteen, after, alone = run(1), run(16), run(1), run(0)
    kinds = ("clock_seconds", "processor_seconds")
    ratios = [2 * sixteen[kind] / (before[kind] + after[kind]) for kind in kinds]
    above = (sixteen["peak_bytes"] - alone["peak_bytes"]) / 2**30
    print(
        f"{sections} x {arguments.px} x {arguments.px}: 16 views take {ratios[0]:.2f} times one pass by the clock,"
        f" {ratios[1]:.2f} by processor seconds; peak memory {sixteen['peak_bytes'] / 2**30:.2f} GiB,"
        f" {above:+.2f} GiB against the network alone,"
        f" {(sixteen['peak_bytes'] - before['peak_bytes']) / 2**30:+.2f} GiB against one pass",
        flush=True,
    )


def _measured(arguments: argparse.Namespace) -> dict[str, float]:
    torch.set_num_threads(arguments.threads)
    plane = np.random.default_rng(0).integers(0, 256, size=(arguments.px, arguments.px), dtype=np.uint8)

    def read(first: int, stop: int) -> NDArray[np.uint8]:
        return np.stack([np.roll(plane, z, axis=0) for z in range(first, stop)])

    clock, processor = time.perf_counter(), time.process_time()
    if arguments.variants == 0:
        network = as_bfloat16(fused(load_network(arguments.checkpoint)))
        probabilities(network, as_input(network, padded(read(0, arguments.sections), network.config.grid[1])))
    else:
        config = PredictionConfig(variants=arguments.variants, precision="bfloat16", device="cpu")
        depth = arguments.sections
        for _ in predict_blocks(arguments.checkpoint, read, n_sections=depth, sections=range(depth), config=config):
            pass
    return {
        "clock_seconds": time.perf_counter() - clock,
        "processor_seconds": time.process_time() - processor,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sections", type=int, default=32, help="of the smaller volume")
    parser.add_argument("--px", type=int, default=512)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--checkpoint", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--variants", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
