"""Measure what the gate lets through: 20 models that are equal or better, and 20 that were made worse on purpose.

A first model is trained, and from it, as in a run, 20 incumbents that differ in their seed alone. Equal candidates are
such models too, each held against the next; better ones learnt twice as long from twice the sections. Worse ones went
on from the first model with labels of other sections, with thirty times the learning rate, or with blurred and noisy
images; or they are incumbents of which half the channels are zeroed. Every candidate is measured on sections that none
of them saw, and decided upon as `proofloop` does. At the end stands the spread between seeds, which the margin is for.

    python benchmarks/gate.py                                              # the phantom
    python benchmarks/gate.py --volume snemi3d_ac4_small.h5:raw --labels snemi3d_ac4_small.h5:labels
"""

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from flows.evaluation import agreement_of_membrane
from loop.gate import GateConfig, decide
from loop.metrics import Agreement
from loop.phantom import make_phantom
from loop.section_range import parse_sections
from loop.volume import open_image, open_labels
from models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from models.dataset import TrainingBlock
from models.prediction import predict_blocks
from models.prediction_config import PredictionConfig
from models.training import train
from models.training_config import TrainingConfig, training_preset
from tracing.seeding import SeedingConfig

EQUAL, BETTER, WORSE = 14, 6, 5
"""Models of each kind; there are four kinds of worse ones."""
TOO_FAST = 30
"""Times the learning rate that suits."""

Measured = dict[int, Agreement]


@dataclass(frozen=True)
class Bench:
    """The data, the settings and where checkpoints go."""

    image: NDArray[np.uint8]
    labels: NDArray[np.uint32]
    holdout: tuple[int, ...]
    config: TrainingConfig
    folder: Path

    def learn(self, name: str, block: TrainingBlock, *, start: Path | None = None, **settings: float) -> Path:
        """Train and give the checkpoint."""
        config = self.config.model_copy(update=settings)
        return train([block], config, out_dir=self.folder / name, start_from=start).checkpoint

    def measure(self, checkpoint: Path) -> Measured:
        """Measure every hold-out section."""
        found = {}
        for block, prediction in predict_blocks(
            checkpoint,
            lambda z0, z1: self.image[z0:z1],
            n_sections=len(self.image),
            sections=self.holdout,
            config=PredictionConfig(variants=1, device="cpu"),
        ):
            for z, membrane in zip(block, prediction.mean, strict=True):
                if z in self.holdout:
                    found[z] = agreement_of_membrane(membrane, self.labels[z], SeedingConfig())
        return found


def main() -> None:
    """Train, measure, decide, print."""
    options = _options()
    torch.set_num_threads(1)
    began, used = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        bench = _bench(options, Path(folder))
        few = parse_sections(options.train, name="train", n_sections=len(bench.image))
        some, more = _block(bench, few[: len(few) // 2]), _block(bench, few)
        first = bench.learn("first", some, steps=options.first_steps)
        seeds = range(1, EQUAL + BETTER + 1)
        incumbents = [bench.learn(f"incumbent-{seed}", some, start=first, seed=seed) for seed in seeds]
        measured = [bench.measure(checkpoint) for checkpoint in incumbents]
        print(f"first model: VOI {_voi(bench.measure(first)):.3f}")
        print(f"{'candidate':<26} {'VOI':>6} {'against':>7}  decision")
        kinds = ("equal", "better", "worse")
        blocked: dict[str, Counter[bool]] = {kind: Counter() for kind in kinds}
        for kind, name, incumbent, found in _candidates(bench, (some, more), first, incumbents, measured):
            decision = decide(found, (incumbent, measured[incumbent]), GateConfig(margin=options.margin))
            blocked[kind][not decision.promoted] += 1
            print(f"{kind + ', ' + name:<26} {_voi(found):>6.3f} {_voi(measured[incumbent]):>7.3f}  ", end="")
            print(f"{decision.verdict}: {decision.reason}", flush=True)
    for kind, counts in blocked.items():
        print(f"{kind}: {counts[True]} of {counts.total()} blocked")
    spread = np.log([_voi(one) for one in measured])
    print(f"incumbents: VOI {np.exp(spread.mean()):.3f}, spread between seeds {100 * spread.std(ddof=1):.1f} %")
    steps = np.abs(spread - np.roll(spread, 1))
    print(
        f"two seeds lie apart: half the pairs up to {100 * np.median(steps):.1f} %, at most {100 * steps.max():.1f} %"
    )
    print(f"{time.perf_counter() - began:.0f} s, {time.process_time() - used:.0f} processor seconds, one thread")


def _candidates(
    bench: Bench,
    blocks: tuple[TrainingBlock, TrainingBlock],
    first: Path,
    incumbents: list[Path],
    measured: list[Measured],
) -> Iterator[tuple[str, str, int, Measured]]:
    """Give every candidate: its kind, what was done to it, its incumbent, its measures."""
    some, more = blocks
    for number in range(EQUAL):
        yield "equal", "another seed", (number + 1) % EQUAL, measured[number]
    for number in range(EQUAL, EQUAL + BETTER):
        steps = 2 * bench.config.steps
        learnt = bench.learn(f"better-{number}", more, start=first, seed=100 + number, steps=steps)
        yield "better", "longer, twice the labels", number, bench.measure(learnt)
    rate = TOO_FAST * bench.config.warm_learning_rate
    for number in range(WORSE):
        rng = np.random.default_rng(number)
        shuffled = replace(some, labels=some.labels[_elsewhere(len(some.labels), rng)])
        spoiled = replace(some, image=_spoiled(some.image, rng))
        yield (
            "worse",
            "shuffled labels",
            number,
            _after(bench, f"shuffled-{number}", shuffled, first, seed=200 + number),
        )
        yield (
            "worse",
            "wrong learning rate",
            number,
            _after(bench, f"rate-{number}", some, first, seed=300 + number, warm_learning_rate=rate),
        )
        yield (
            "worse",
            "corrupted sections",
            number,
            _after(bench, f"corrupted-{number}", spoiled, first, seed=400 + number),
        )
        zeroed = _half_zeroed(incumbents[number], bench.folder / f"zeroed-{number}.safetensors", rng)
        yield "worse", "half the channels zeroed", number, bench.measure(zeroed)


def _after(bench: Bench, name: str, block: TrainingBlock, first: Path, **settings: float) -> Measured:
    return bench.measure(bench.learn(name, block, start=first, **settings))


def _elsewhere(count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Give every section another one's number, not a neighbour's."""
    return np.roll(np.arange(count), int(rng.integers(count // 3, count - count // 3)))


def _spoiled(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    blurred = ndimage.gaussian_filter(image.astype(np.float32), (0, 4, 4))
    return np.asarray(np.clip(blurred + rng.normal(0, 30, image.shape), 0, 255), np.uint8)


def _half_zeroed(checkpoint: Path, path: Path, rng: np.random.Generator) -> Path:
    """Write a copy in which half the outputs of every convolution, the last apart, are 0."""
    loaded = load_checkpoint(checkpoint)
    tensors = {name: tensor.clone() for name, tensor in loaded.tensors.items()}
    for tensor in tensors.values():
        if tensor.ndim == 5 and len(tensor) > 1:
            tensor[torch.from_numpy(rng.permutation(len(tensor))[: len(tensor) // 2])] = 0
    save_checkpoint(path, Checkpoint(loaded.network, tensors, {}))
    return path


def _voi(measured: Measured) -> float:
    return float(np.mean([section.voi for section in measured.values()]))


def _block(bench: Bench, sections: tuple[int, ...]) -> TrainingBlock:
    chosen = np.array(sections)
    return TrainingBlock(bench.image[chosen], bench.labels[chosen], np.ones(len(chosen), dtype=bool))


def _bench(options: argparse.Namespace, folder: Path) -> Bench:
    if options.volume:
        opened, truth = open_image(options.volume), open_labels(options.labels)
        image = opened.sections(0, opened.shape[0])
        labels = truth.sections(0, truth.shape[0]).astype(np.uint32)
    else:
        phantom = make_phantom((64, 192, 192), seed=0)
        image, labels = phantom.image, phantom.labels
    settings = {"steps": options.steps, "patch_px": 128, "device": "cpu", "processes": 1}
    return Bench(
        image=image,
        labels=labels,
        holdout=parse_sections(options.holdout, name="holdout", n_sections=len(image)),
        config=training_preset("cpu").model_copy(update=settings),
        folder=folder,
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--volume", help="EM image, path:dataset; default: the phantom")
    parser.add_argument("--labels", help="its labels, path:dataset")
    parser.add_argument("--train", default="0:48", help="the first half for all, all of it for the better ones")
    parser.add_argument("--holdout", default="52:64")
    parser.add_argument("--first-steps", type=int, default=800)
    parser.add_argument("--steps", type=int, default=100, help="updates of every other training")
    parser.add_argument("--margin", type=float, default=GateConfig().margin)
    return parser.parse_args()


if __name__ == "__main__":
    main()
