"""What an iteration costs beside training, predicting and people: `benchmarks/overhead.py --volume V --labels L`.

Takes a turn by `proofloop iterate`, lets the oracle answer where people would, takes the answers in by `proofloop
ingest`, and prints where the wall time of the two commands went. The oracle's time is a person's and does not count.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from annotation import server
from flows.config import DataConfig
from flows.initialise import init_run, plan
from flows.proofreading import answer_by_oracle
from flows.runs import Run, open_run
from flows.serving.prefect_server import prefect_server
from loop.events import Evaluated, Gated, Predicted, Published, Ranked, Trained
from loop.iteration import position


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--volume", required=True)
    parser.add_argument("--labels", required=True)
    parser.add_argument("--train", default="0:50")
    parser.add_argument("--pool", default="50:90")
    parser.add_argument("--holdout", default="90:100")
    parser.add_argument("--steps", type=int, help="of training; default: the preset's")
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--own-server", action="store_true", help="as under proofloop serve; else a temporary Prefect")
    parser.add_argument("--keep", type=Path, metavar="RUN", help="where the run stays, for other benchmarks")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        data = DataConfig(
            volume=chosen.volume, labels=chosen.labels, train=chosen.train, pool=chosen.pool, holdout=chosen.holdout
        )
        config = plan(data, annotator="human")
        if chosen.steps:
            config = config.model_copy(update={"training": config.training.model_copy(update={"steps": chosen.steps})})
        run = init_run(chosen.keep or Path(folder) / "run", config)
        stack.callback(server.down, run.folder.annotation)
        if chosen.own_server:
            stack.enter_context(prefect_server(run.folder.root))
        for _ in range(chosen.turns):
            _turn(run)


def _turn(run: Run) -> None:
    iteration = position(run.ledger).iteration
    began = time.time()
    turn = _timed("iterate", run)
    answer_by_oracle(open_run(run.folder.root))
    look = _timed("ingest", run)
    trained, predicted = run.ledger.finished(Trained, iteration), run.ledger.finished(Predicted, iteration)
    work = trained.seconds + predicted.seconds
    rest = turn + look - work
    print(
        f"turn {iteration}: {turn + look:.1f} s; train {trained.seconds:.1f}, predict {predicted.seconds:.1f}, "
        f"else {rest:.1f} s = {rest / (turn + look):.1%}"
    )
    before = began + trained.seconds
    for kind in (Trained, Predicted, Evaluated, Gated, Ranked, Published):
        event = run.ledger.finished(kind, iteration)
        took = event.at.timestamp() - before - (predicted.seconds if kind is Predicted else 0)
        before = event.at.timestamp()
        print(f"  until {event.kind:<9}{took:6.1f} s")
    print(f"  report, end {began + turn - before:6.1f} s")
    print(f"  ingest      {look:6.1f} s")


def _timed(command: str, run: Run) -> float:
    began = time.monotonic()
    subprocess.run([sys.executable, "-m", "flows.cli", command, str(run.folder.root)], check=True, env=os.environ)
    return time.monotonic() - began


if __name__ == "__main__":
    main()
