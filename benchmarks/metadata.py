"""Measure what stays usable when a run has 50,000 sections and many turns behind it: metadata alone, no pixels.

python benchmarks/metadata.py
python benchmarks/metadata.py --sections 5000 --turns 20
"""

import argparse
import random
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import numpy as np
import zarr

from flows.config import DataConfig
from flows.initialise import init_run, plan
from flows.runs import Run, open_run
from loop.answer_events import Correction, Polled, SectionLabelled
from loop.doubts import Doubt, Spot
from loop.effort import Effort
from loop.events import Evaluated, Event, Gated, Ingested, Predicted, Published, Ranked, Trained
from loop.gate import GateDecision
from loop.metrics import Agreement
from loop.places import Place
from loop.predictions import PredictionStore
from loop.ranking import NEEDS, Candidates, choose
from loop.ranking_table import write_ranking
from loop.uncertainty import Uncertainty

_STORE = "iterations/001/prediction.zarr"
PIXELS = 64  # of a section's side: metadata are the point


def main() -> None:
    """Make the run, then time what people and turns ask of it, each as they do: a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sections", type=int, default=50_000)
    parser.add_argument("--turns", type=int, default=100)
    parser.add_argument("--tasks", type=int, default=100, help="a turn")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        run = _run(Path(scratch), options.sections)
        began = time.perf_counter()
        n_events = _history(run, options.turns, options.tasks)
        size_mb = run.folder.ledger.path.stat().st_size / 1e6
        print(
            f"{options.sections} sections, {options.turns} turns of {options.tasks} tasks: {n_events} events, "
            f"{size_mb:.1f} MB, written in {time.perf_counter() - began:.1f} s"
        )
        print(f"ledger append          {_append_ms(run):8.2f} ms   asked: 10 ms")
        slowest_s, strategy = max(_ranking_s(run, options.tasks))
        print(f"rank, slowest strategy {slowest_s:8.2f} s    asked: 10 s; {strategy}")
        for command, limit_s in ((["status"], 2), (["status", "--json"], 2), (["report"], 20)):
            wall_s, processor_s = _command_s([command[0], str(run.folder.root), *command[1:]])
            print(f"{' '.join(command):22} {wall_s:8.2f} s    asked: {limit_s} s; of a processor {processor_s:.2f} s")
        page = run.folder.report / "index.html"
        print(f"report                 {page.stat().st_size / 1e6:8.2f} MB   asked: 10 MB")


def _run(scratch: Path, n_sections: int) -> Run:
    """Create a run of blank sections, the first 50 labelled, the last ten held out."""
    shape = (n_sections, PIXELS, PIXELS)
    volume = zarr.open_group(scratch / "volume.zarr", mode="w")
    for name, dtype in (("raw", np.uint8), ("labels", np.uint32)):
        array = volume.create_array(name, shape=shape, dtype=dtype, chunks=(1, PIXELS, PIXELS))
        array.attrs["voxel_size_nm_zyx"] = [50.0, 8.0, 8.0]
        for z in (*range(50), *range(n_sections - 10, n_sections)):
            array[z] = np.full(shape[1:], z % 200 + 1, dtype)
    path = scratch / "volume.zarr"
    data = DataConfig(
        volume=f"{path}:raw", labels=f"{path}:labels", train="0:50", holdout=f"{n_sections - 10}:{n_sections}"
    )
    return init_run(scratch / "run", plan(data))


def _predict_holdout(run: Run) -> None:
    """Store a prediction of what the report shows pictures of."""
    holdout = run.sections["holdout"]
    store = PredictionStore.create(run.folder.root / _STORE, shape=run.image.shape, voxel_size_nm_zyx=None)
    membrane = np.random.default_rng(0).random((len(holdout), PIXELS, PIXELS), np.float32)
    store.write(holdout[0], membrane, membrane)


def _history(run: Run, turns: int, tasks: int) -> int:
    """Write the ledger that so many turns leave."""
    chance = random.Random(0)
    _predict_holdout(run)
    pool = list(run.sections["pool"])
    chance.shuffle(pool)
    labelled = list(run.sections["train"])
    number = 0
    lines: list[str] = []
    for turn in range(1, turns + 1):
        chosen = [Place(z) for z in pool[(turn - 1) * tasks : turn * tasks]]
        answers = [_answer(place.z, turn, number + i) for i, place in enumerate(chosen)]
        looked = Polled(seen_until=datetime.now(UTC), skipped=[], refused={})
        stages = _stages(run, turn, sorted(labelled), chosen, number)
        events = (*stages, *answers, looked, Ingested(iteration=turn, sections=chosen))
        lines += [event.model_dump_json() + "\n" for event in events]
        number += len(chosen)
        labelled += [place.z for place in chosen]
    with run.folder.ledger.path.open("a") as stream:
        stream.writelines(lines)
    return len(run.ledger.events())


def _stages(run: Run, turn: int, labelled: list[int], chosen: list[Place], number: int) -> list[Event]:
    measured = Agreement(
        voi_split=0.5 / turn, voi_merge=0.4 / turn, adapted_rand_error=0.2 / turn, precision=0.9, recall=0.9, dice=0.9
    )
    sure = Uncertainty(entropy_bits=0.1, disagreement=0.1)
    doubt = Doubt(border_px=200, stretches=4, spots=[Spot(y_px=20, x_px=20, radius_px=15)], labelled_sections_away=3)
    return [
        Trained(iteration=turn, checkpoint="c", sha256="s" * 64, sections=labelled, final_loss=0.1, seconds=100.0),
        Predicted(iteration=turn, store=_STORE, sections=[*run.sections["pool"]], seconds=1000.0),
        Evaluated(iteration=turn, mean=measured, sections=dict.fromkeys(run.sections["holdout"], measured)),
        Gated(iteration=turn, decision=GateDecision(promoted=turn == 1, reason="as good as before")),
        Ranked(
            iteration=turn,
            chosen=chosen,
            uncertainty=dict.fromkeys(chosen, sure),
            doubts=dict.fromkeys(chosen, doubt),
            predicted_in=turn,
        ),
        Published(iteration=turn, tasks={place: number + i for i, place in enumerate(chosen)}),
    ]


def _answer(z: int, turn: int, number: int) -> SectionLabelled:
    effort = Effort(
        active_s=240.0,
        regions_split=3,
        regions_merged=4,
        regions_reshaped=10,
        regions_added=1,
        regions_deleted=0,
        pixels_changed=4000,
        voi_split=0.2,
        voi_merge=0.3,
    )
    correction = Correction(
        iteration=turn,
        task_id=number,
        annotation_id=number,
        annotator="annotator@lab.example",
        submitted_at=datetime.now(UTC),
        lead_time_s=240.0,
        model_sha256="s" * 64,
        result_sha256="r" * 64,
        regions_kept=200,
        regions_changed=10,
        regions_added=1,
        regions_deleted=0,
        effort=effort,
    )
    return SectionLabelled(section=z, file=f"{z:05d}-{number}.npz", sha256="l" * 64, correction=correction)


def _append_ms(run: Run) -> float:
    event = Polled(seen_until=datetime.now(UTC), skipped=[], refused={})
    seconds = []
    for _ in range(50):
        began = time.perf_counter()
        run.ledger.append(event)
        seconds.append(time.perf_counter() - began)
    return median(seconds) * 1e3


def _ranking_s(run: Run, tasks: int) -> list[tuple[float, str]]:
    """Rank the pool by every strategy, given what was measured of its sections: read the ledger, choose, write."""
    found = []
    chance = np.random.default_rng(0)
    for strategy, needs in NEEDS.items():
        began = time.perf_counter()
        pool = open_run(run.folder.root).unlabelled_pool()
        labelled = run.sections["train"]
        candidates = Candidates(
            tuple(map(Place, pool)),
            {name: chance.random(len(pool)) for name in needs},
            chance.random(len(pool)) + 1,
            chance.random((len(pool), 6)),
            labelled,
            chance.random((len(labelled), 6)),
        )
        chosen = choose(strategy, candidates, tasks, rng=chance, min_distance_sections=4)
        write_ranking(run.folder.root / "ranking.csv", candidates, chosen)
        found.append((time.perf_counter() - began, strategy))
    return found


def _command_s(arguments: list[str]) -> tuple[float, float]:
    """Run a command; give its seconds by the clock and by the processor."""
    began, used = time.perf_counter(), _used_s()
    subprocess.run([sys.executable, "-m", "flows.cli", *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began, _used_s() - used


def _used_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
