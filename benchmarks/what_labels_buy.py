"""Measure how much of the improvement comes from new labels, and how much from longer training.

Runs the same loop twice, once with the oracle's corrections and once with the labels frozen, and prints both side by
side with the ratio of hold-out VOI after the last iteration to that after the first.

    python benchmarks/what_labels_buy.py                                       # the phantom
    python benchmarks/what_labels_buy.py --volume v.h5:raw --labels v.h5:labels --train 0:8 --holdout 54:64
"""

import argparse
import tempfile
import time
from pathlib import Path

from annotation import server
from flows.config import DataConfig
from flows.initialise import init_run, plan
from flows.runs import open_run
from flows.summarise import summarise, summary_rows
from loop.phantom import make_phantom, write_phantom


def main() -> None:
    """Run both loops and print their tables."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(arguments.out or scratch)
        volume, labels = arguments.volume, arguments.labels
        if volume is None:
            folder.mkdir(parents=True, exist_ok=True)
            write_phantom(folder / "phantom.h5", make_phantom())
            volume, labels = f"{folder}/phantom.h5:raw", f"{folder}/phantom.h5:labels"
        print(f"{'labels':>12} {'turn':>4} {'sections':>8} {'VOI split':>9} {'merge':>6} {'sum':>6} {'Rand error':>10}")
        for name, sections in (("corrected", arguments.sections), ("frozen", 0)):
            began = time.monotonic()
            rows = _loop(folder / name, volume, labels, arguments, sections)
            for row in rows:
                print(
                    f"{name:>12} {row['iteration']:>4} {row['labelled_sections']:>8} {row['voi_split']:>9.3f} "
                    f"{row['voi_merge']:>6.3f} {row['voi']:>6.3f} {row['adapted_rand_error']:>10.3f}"
                )
            ratio = rows[-1]["voi"] / rows[0]["voi"]
            print(f"{name:>12} VOI ratio last / first {ratio:.3f}, {time.monotonic() - began:.0f} s", flush=True)


def _loop(folder: Path, volume: str, labels: str, arguments: argparse.Namespace, sections: int) -> list[dict]:
    from flows.iterate import iterate

    data = DataConfig(volume=volume, labels=labels, train=arguments.train, holdout=arguments.holdout)
    config = plan(data, annotator="oracle")
    ranking = config.ranking.model_copy(update={"tasks_per_iteration": sections})
    training = config.training.model_copy(update={"steps": arguments.steps} if arguments.steps else {})
    run = init_run(folder, config.model_copy(update={"ranking": ranking, "training": training}))
    try:
        for _ in range(arguments.iterations):
            iterate(run.folder.root)
    finally:
        server.down(run.folder.annotation)
    return summary_rows(summarise(open_run(folder)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--volume", help="EM image, path:dataset; default: the phantom")
    parser.add_argument("--labels", help="its labels, path:dataset")
    parser.add_argument("--train", default="0:8")
    parser.add_argument("--holdout", default="54:64")
    parser.add_argument("--sections", type=int, default=8, help="sections corrected per iteration")
    parser.add_argument("--iterations", type=int, default=3)
    parser.add_argument("--steps", type=int, help="training steps per iteration; default: the preset's")
    parser.add_argument("--out", help="keep the runs here")
    return parser.parse_args()


if __name__ == "__main__":
    main()
