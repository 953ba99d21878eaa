"""Measure what averaging sixteen mirrored views costs: time against one pass, and memory above the network's own.

Net A predicts three generated volumes: one, one with four times the sections, and one with twice the extent along y and
x; block by block and without keeping what it gave. Each run is a process of its own, and those with one view and with
sixteen take turns. `--memory-gib` is what blocks are cut by, so that they do not depend on what else runs, and the
second volume takes several. The network's own memory is that of the network alone, in bfloat16, on what one block
reads.

    python benchmarks/augmented_prediction.py                            # some ten minutes on two cores
    python benchmarks/augmented_prediction.py --sections 8 --px 128      # quick
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
from models.prediction import predict_blocks, settled
from models.prediction_config import PredictionConfig
from models.registry import build
from models.stacks import as_input
from models.surroundings import ReadSections, margins_of
from models.tiles import padded


def main() -> None:
    """Print the figures, or be one of the processes that are measured."""
    arguments = _arguments()
    if arguments.variants is not None:
        print(json.dumps(_measured(arguments)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        checkpoint, layout = Path(scratch) / "net.safetensors", network_preset("full")
        save_checkpoint(checkpoint, Checkpoint(layout, build(layout).state_dict(), provenance={}))
        sections, px = arguments.sections, arguments.px
        for shape in ((sections, px), (4 * sections, px), (sections, 2 * px)):
            _compare(checkpoint, shape, arguments)


def _compare(checkpoint: Path, shape: tuple[int, int], arguments: argparse.Namespace) -> None:
    sections, px = shape

    def run(variants: int) -> dict[str, float]:
        command = [sys.executable, __file__, "--checkpoint", checkpoint, "--sections", sections, "--px", px]
        command += ["--variants", variants, "--threads", arguments.threads, "--memory-gib", arguments.memory_gib]
        command += ["--precision", arguments.precision]
        done = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True)
        found: dict[str, float] = json.loads(done.stdout)
        return found

    before, sixteen, after, alone = run(1), run(16), run(1), run(0)
    kinds = ("clock_seconds", "processor_seconds")
    ratios = [2 * sixteen[kind] / (before[kind] + after[kind]) for kind in kinds]
    above = (sixteen["peak_bytes"] - alone["peak_bytes"]) / 2**30
    print(
        f"{sections} x {px} x {px} in {sixteen['blocks']} blocks: 16 views take {ratios[0]:.2f} times one pass by the"
        f" clock, {ratios[1]:.2f} by processor seconds; peak memory {sixteen['peak_bytes'] / 2**30:.2f} GiB,"
        f" {above:+.2f} GiB against the network alone,"
        f" {(sixteen['peak_bytes'] - before['peak_bytes']) / 2**30:+.2f} GiB against one pass",
        flush=True,
    )


def _measured(arguments: argparse.Namespace) -> dict[str, float]:
    torch.set_num_threads(arguments.threads)
    plane = np.random.default_rng(0).integers(0, 256, size=(arguments.px, arguments.px), dtype=np.uint8)

    def read(first: int, stop: int) -> NDArray[np.uint8]:
        return np.stack([np.roll(plane, z, axis=0) for z in range(first, stop)])

    depth, variants, blocks = arguments.sections, max(1, arguments.variants), 0
    config = PredictionConfig(
        variants=variants, precision=arguments.precision, device="cpu", memory_gib=arguments.memory_gib
    )
    clock, processor = time.perf_counter(), time.process_time()
    if arguments.variants == 0:
        _network_alone(arguments.checkpoint, read, depth, config)
    else:
        for _ in predict_blocks(arguments.checkpoint, read, n_sections=depth, sections=range(depth), config=config):
            blocks += 1
    return {
        "blocks": blocks,
        "clock_seconds": time.perf_counter() - clock,
        "processor_seconds": time.process_time() - processor,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def _network_alone(checkpoint: Path, read: ReadSections, depth: int, config: PredictionConfig) -> None:
    """Run the network on what one block of the prediction reads, and on one tile of it."""
    config, _ = settled(checkpoint, read, n_sections=depth, sections=range(depth), config=config)
    network = as_bfloat16(fused(load_network(checkpoint)))
    margins = margins_of(network.config, config.reach_share)
    image = read(0, min(depth, (config.block_sections or depth) + 2 * margins.sections))
    px = config.tile_px + 2 * margins.px
    probabilities(network, as_input(network, padded(image[:, :px, :px], margins.grid[1])))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sections", type=int, default=32, help="of the smaller volume")
    parser.add_argument("--px", type=int, default=256)
    parser.add_argument("--memory-gib", type=float, default=1.0)
    parser.add_argument("--precision", choices=["float32", "bfloat16", "int8"], default="bfloat16")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--checkpoint", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--variants", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
