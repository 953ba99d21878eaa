"""Train the cpu preset for a given time and measure it on held-out sections.

The schedule must know its length beforehand, so the rate is measured first, by a training of a few updates that is
thrown away; its time counts. The membrane is then predicted as in a run, and every held-out section is segmented by
watershed.

    python benchmarks/cpu_preset.py --volume v.h5:raw --labels v.h5:labels --train 0:50 --holdout 90:100   # 10 minutes
    python benchmarks/cpu_preset.py --minutes 1                                                            # the phantom
"""

import argparse
import itertools
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from flows.evaluation import agreement_of_membrane
from loop.metrics import mean_agreement
from loop.phantom import make_phantom
from loop.section_range import parse_sections
from loop.volume import open_image, open_labels
from models.dataset import TrainingBlock
from models.prediction import predict_blocks
from models.prediction_config import PredictionConfig
from models.training import train
from models.training_config import TrainingConfig, training_preset
from tracing.seeding import SeedingConfig

TRIAL_STEPS = 40
SHARE_FOR_TRAINING = 0.97
"""Of the time left after the trial; the rest is for reading, checkpoints and a machine that slows down."""


def main() -> None:
    """Train, predict, measure, print."""
    options = _options()
    image, labels = _volumes(options)
    ranges = {"train": options.train, "holdout": options.holdout}
    learnt, held_out = (parse_sections(text, name=name, n_sections=len(image)) for name, text in ranges.items())
    config = training_preset("cpu").model_copy(update={"device": "cpu", "processes": 1, "seed": options.seed})
    with tempfile.TemporaryDirectory() as folder:
        begun, used = time.perf_counter(), time.process_time()
        block = _block(image, labels, learnt)
        steps = _steps(block, config, Path(folder) / "trial", until=begun + 60 * options.minutes)
        result = train([block], config.model_copy(update={"steps": steps}), out_dir=Path(folder) / "run")
        wall, used = time.perf_counter() - begun, time.process_time() - used
        print(f"trained {steps} updates of {config.batch} patches in {wall / 60:.2f} min of {options.minutes:g}")
        print(f"  {used:.0f} processor seconds, {torch.get_num_threads()} threads, loss {result.loss:.3f}")
        _measure(result.checkpoint, image, labels, held_out)
    if wall > 60 * options.minutes:
        sys.exit(f"took longer than the {options.minutes:g} min it was given: the machine slowed down after the trial")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--volume", help="EM image, path:dataset; default: the phantom")
    parser.add_argument("--labels", help="its labels, path:dataset")
    parser.add_argument("--train", default="0:50")
    parser.add_argument("--holdout", default="90:100")
    parser.add_argument("--minutes", type=float, default=10.0, help="wall time for the training")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def _volumes(options: argparse.Namespace) -> tuple[NDArray[np.uint8], NDArray[np.uint32]]:
    if not options.volume:
        phantom = make_phantom((100, 288, 288), seed=0)
        return phantom.image, phantom.labels
    image, labels = open_image(options.volume), open_labels(options.labels)
    return image.sections(0, image.shape[0]), labels.sections(0, labels.shape[0]).astype(np.uint32)


def _block(image: NDArray[np.uint8], labels: NDArray[np.uint32], sections: tuple[int, ...]) -> TrainingBlock:
    """Give the sections to learn from and nothing beyond them, not even as context."""
    window = slice(sections[0], sections[-1] + 1)
    annotated = np.isin(np.arange(window.start, window.stop), sections)
    return TrainingBlock(image[window], labels[window], annotated)


def _steps(block: TrainingBlock, config: TrainingConfig, folder: Path, *, until: float) -> int:
    """Tell how many updates fit in the time left."""
    ends: list[float] = []

    def listen(done: int, total: int, note: str = "") -> None:
        del done, total, note
        ends.append(time.perf_counter())

    train([block], config.model_copy(update={"steps": TRIAL_STEPS}), out_dir=folder, progress=listen)
    # the first updates pay for set-up
    seconds = float(np.mean([after - before for before, after in itertools.pairwise(ends)][TRIAL_STEPS // 4 :]))
    return max(1, int(SHARE_FOR_TRAINING * (until - time.perf_counter()) / seconds))


def _measure(checkpoint: Path, image: NDArray[np.uint8], labels: NDArray[np.uint32], sections: tuple[int, ...]) -> None:
    found = {}
    for block, prediction in predict_blocks(
        checkpoint,
        lambda z0, z1: image[z0:z1],
        n_sections=len(image),
        sections=range(sections[0], sections[-1] + 1),
        config=PredictionConfig(),
    ):
        for z, membrane in zip(block, prediction.mean, strict=True):
            if z in sections:
                found[z] = agreement_of_membrane(membrane, labels[z], SeedingConfig())
                each = found[z]
                print(
                    f"section {z}: adapted Rand error {each.adapted_rand_error:.4f},"
                    f" VOI {each.voi_split:.3f} + {each.voi_merge:.3f}"
                )
    mean = mean_agreement(list(found.values()))
    print(
        f"mean: adapted Rand error {mean.adapted_rand_error:.4f}, VOI {mean.voi_split:.3f} + {mean.voi_merge:.3f} bits"
    )


if __name__ == "__main__":
    main()
