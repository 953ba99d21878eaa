"""Measure what the data pipeline costs a training, and how fast the same network trains on MONAI's transforms.

Ours is `models.training.train` as a user gets it. Beside it the same network, loss and optimiser in a plain loop, fed
as MONAI's guides advise: volume in memory, metadata off, `RandSpatialCropSamplesd` for the patches of an update,
`monai.data.DataLoader` with one worker process. Its transforms are those nearest to ours that MONAI has; section slip
and shift, lines and faint sections it has not. Ours bends sections differently along z: `--bending 3d` is MONAI's way
to do so, `2d` its cheaper one that bends all sections of a patch alike. The membrane is computed from the warped labels
by our function on both sides. Each side runs in a process of its own, the two take turns, and both pipelines are also
run by themselves.

    python benchmarks/training_pipeline.py                                   # the phantom, cpu preset
    python benchmarks/training_pipeline.py --volume v.h5:raw --labels v.h5:labels --train 0:50 --model full --steps 4
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from loop.phantom import make_phantom
from loop.section_range import parse_sections
from loop.volume import open_image, open_labels
from models.augment_config import AugmentConfig
from models.batches import batches
from models.dataset import PatchSampler, PatchShape, TrainingBlock
from models.losses import loss_of
from models.registry import build
from models.targets import membrane_target
from models.training import GRADIENT_NORM_MOST, LOGS, train
from models.training_config import TrainingConfig, training_preset

WARM_UP_STEPS = 2
FULL = AugmentConfig(section_grade_rate=0.5, line_rate=0.05, faint_rate=0.05, blur_rate=0.05)


def main() -> None:
    """Run the sides in turn, or one of them where this is the process for it."""
    options = _options()
    torch.set_num_threads(options.threads)
    if options.side:
        measured = SIDES[options.side](_block(options), _config(options), options.bending)
        sys.stdout.write(json.dumps(measured) + "\n")
        return
    print(f"network {options.model}, {options.steps} updates a round, {options.threads} threads, one worker")
    figures: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    for turn in range(options.rounds):
        for side in SIDES:
            figures[side].append(_in_own_process(side))
            print(f"round {turn + 1} {side:>14}: " + ", ".join(f"{k} {v:.3f}" for k, v in figures[side][-1].items()))
    rate = {side: median(figure["samples/s"] for figure in found) for side, found in figures.items()}
    waiting = median(figure["share of time waiting"] for figure in figures["ours"])
    print(f"share of training time that waits for data, ours: {waiting:.1%}")
    print(f"training, samples/s: {rate['ours'] / rate['monai']:.2f} times MONAI's")
    by_processor = median(f["processor s/sample"] for f in figures["monai"]) / median(
        f["processor s/sample"] for f in figures["ours"]
    )
    print(f"  the same by processor seconds, MONAI's worker left out: {by_processor:.2f}")
    print(f"pipeline alone, samples/s: {rate['ours alone'] / rate['monai alone']:.2f} times MONAI's")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--volume", help="EM image, path:dataset; default: the phantom")
    parser.add_argument("--labels", help="its labels, path:dataset")
    parser.add_argument("--train", default="", help="sections, start:stop; default: all")
    parser.add_argument("--model", default="cpu", choices=["cpu", "full"])
    parser.add_argument("--steps", type=int, default=30, help="updates timed in a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--bending", default="2d", choices=["2d", "3d"], help="MONAI's")
    parser.add_argument("--side", choices=list(SIDES), help=argparse.SUPPRESS)
    return parser.parse_args()


def _in_own_process(side: str) -> dict[str, float]:
    ran = subprocess.run([sys.executable, *sys.argv, "--side", side], stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(ran.stdout.splitlines()[-1]))


def _block(options: argparse.Namespace) -> TrainingBlock:
    if options.volume:
        image, labels = open_image(options.volume), open_labels(options.labels)
        sections = parse_sections(options.train or f"0:{image.shape[0]}", name="train", n_sections=image.shape[0])
        raw, ids = image.sections(sections[0], sections[-1] + 1), labels.sections(sections[0], sections[-1] + 1)
    else:
        phantom = make_phantom((32, 288, 288), seed=0)
        raw, ids = phantom.image, phantom.labels
    return TrainingBlock(raw, ids.astype(np.uint32), np.ones(len(raw), dtype=bool))


def _config(options: argparse.Namespace) -> TrainingConfig:
    changes = {"steps": options.steps + WARM_UP_STEPS, "augmentation": FULL, "device": "cpu", "processes": 1}
    return training_preset(options.model).model_copy(update=changes)


def _ours(block: TrainingBlock, config: TrainingConfig, _: str) -> dict[str, float]:
    used: list[float] = []

    def listen(done: int, total: int, note: str = "") -> None:
        del done, total, note
        used.append(time.process_time())

    with tempfile.TemporaryDirectory() as folder:
        train([block], config, out_dir=Path(folder), progress=listen)
        logs = EventAccumulator(str(Path(folder) / LOGS)).Reload()
        seconds, waited = (
            sum(event.value for event in logs.Scalars(name)[WARM_UP_STEPS:])
            for name in ("training/seconds", "training/seconds waiting for data")
        )
    return _figures(config, seconds, waited, used)


def _ours_alone(block: TrainingBlock, config: TrainingConfig, _: str) -> dict[str, float]:
    shape = PatchShape(config.patch_sections, config.patch_px, config.network.context_sections)
    sampler = PatchSampler([block], shape, target=config.target, augmentation=config.augmentation, seed=0)
    numbers = (range(n * config.batch, (n + 1) * config.batch) for n in range(_alone(config)))
    with closing(batches(sampler, numbers, workers=1)) as prepared:
        return _emptied(prepared, config)


def _monai(block: TrainingBlock, config: TrainingConfig, bending: str) -> dict[str, float]:
    torch.manual_seed(0)
    network = build(config.network).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=config.learning_rate, fused=True)
    prepared = _monai_batches(block, config, bending, count=config.steps)
    seconds, waited, used = 0.0, 0.0, []
    for step in range(config.steps):
        asked = time.perf_counter()
        batch = next(prepared)
        given = time.perf_counter()
        optimiser.zero_grad(set_to_none=True)
        wanted = batch["label"]
        loss = loss_of(network(batch["image"]), wanted, torch.ones_like(wanted), target="membrane", name=config.loss)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), GRADIENT_NORM_MOST)
        optimiser.step()
        used.append(time.process_time())
        if step >= WARM_UP_STEPS:
            seconds, waited = seconds + time.perf_counter() - asked, waited + given - asked
    return _figures(config, seconds, waited, used)


def _monai_alone(block: TrainingBlock, config: TrainingConfig, bending: str) -> dict[str, float]:
    return _emptied(_monai_batches(block, config, bending, count=_alone(config)), config)


def _alone(config: TrainingConfig) -> int:
    """Batches that a pipeline prepares by itself."""
    return 24 if config.patch_sections == 1 else 6


def _monai_batches(
    block: TrainingBlock, config: TrainingConfig, bending: str, *, count: int
) -> Iterator[dict[str, Any]]:
    import monai
    from monai import transforms as t

    monai.utils.set_determinism(0)
    monai.data.set_track_meta(False)
    context, px, both = config.network.context_sections, config.patch_px, ["image", "label"]
    depth, rates = config.patch_sections + 2 * context, config.augmentation

    def membrane(labels: torch.Tensor) -> torch.Tensor:
        inner = labels[0, context : depth - context].numpy().astype(np.uint32)
        return torch.from_numpy(membrane_target(inner, border_px=config.border_px).astype(np.float32))[None]

    chain = t.Compose(
        [
            t.RandSpatialCropSamplesd(both, roi_size=(depth, px, px), num_samples=config.batch, random_size=False),
            *(t.RandFlipd(both, prob=0.5, spatial_axis=axis) for axis in range(3)),
            t.RandRotate90d(both, prob=0.5, max_k=1, spatial_axes=(1, 2)),
            *_bending(config.augmentation, bending),
            t.RandScaleIntensityd("image", factors=rates.contrast, prob=1.0),
            t.RandShiftIntensityd("image", offsets=rates.brightness, prob=1.0),
            t.RandAdjustContrastd("image", gamma=(0.5, 2.0), prob=1.0),
            t.RandCoarseDropoutd("image", holes=1, spatial_size=(1, px, px), prob=rates.missing_rate),
            t.RandGaussianSmoothd(
                "image", sigma_x=(0.1, 0.1), sigma_y=(0.7, 2), sigma_z=(0.7, 2), prob=rates.blur_rate
            ),
            t.Lambdad("label", membrane),
        ]
    )
    item = {
        "image": torch.from_numpy(block.image[None].astype(np.float32) / 255),
        "label": torch.from_numpy(block.labels[None].astype(np.float32)),
    }
    dataset = monai.data.Dataset([item] * count, chain)
    return iter(monai.data.DataLoader(dataset, batch_size=1, num_workers=1))


def _bending(config: AugmentConfig, bending: str) -> list[Any]:
    from monai import transforms as t

    both, spacing_px, usual = ["image", "label"], config.elastic_spacing[1], {"mode": ("bilinear", "nearest")}
    rate, padding = config.elastic_rate, "reflection"
    if bending == "3d":
        # smoothed noise in place of control points, as wide and high as in MONAI's own examples
        return [t.Rand3DElasticd(both, (5, 8), (100, 200), prob=rate, padding_mode=padding, **usual)]
    spacing, magnitude = (spacing_px, spacing_px), (config.elastic_px, config.elastic_px)
    return [
        t.SqueezeDimd(both, dim=0),  # sections become channels, which are bent alike
        t.Rand2DElasticd(both, spacing, magnitude, prob=rate, padding_mode=padding, **usual),
        t.EnsureChannelFirstd(both, channel_dim="no_channel"),
    ]


def _emptied(prepared: Iterator[object], config: TrainingConfig) -> dict[str, float]:
    """Time all batches after the first few, which also wait for the worker's start."""
    for _ in range(WARM_UP_STEPS):
        next(prepared)
    begun = time.perf_counter()
    count = sum(1 for _ in prepared)
    return {"samples/s": count * config.batch / (time.perf_counter() - begun)}


def _figures(config: TrainingConfig, seconds: float, waited: float, used: list[float]) -> dict[str, float]:
    """Put the figures of the timed updates together; processor seconds are without those of MONAI's worker."""
    samples = (config.steps - WARM_UP_STEPS) * config.batch
    processor = (used[-1] - used[WARM_UP_STEPS - 1]) / samples
    return {"samples/s": samples / seconds, "share of time waiting": waited / seconds, "processor s/sample": processor}


SIDES: dict[str, Callable[[TrainingBlock, TrainingConfig, str], dict[str, float]]] = {
    "ours": _ours,
    "monai": _monai,
    "ours alone": _ours_alone,
    "monai alone": _monai_alone,
}

if __name__ == "__main__":
    main()
