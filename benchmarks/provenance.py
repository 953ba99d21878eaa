"""How long `proofloop blame` takes on a large volume with many annotations, and whether `replay` repeats itself.

    python benchmarks/provenance.py
    python benchmarks/provenance.py --shape 20 128 128

The run has 50 given sections (half of them in smaller volumes), then in five turns annotations of the pool, every
fifth of them a tile over an earlier one. `blame` is called as people call it, a process each time.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from flows.config import DataConfig
from flows.initialise import init_run, plan
from flows.runs import Run
from loop.answer_events import Correction, SectionLabelled
from loop.events import Origin, Trained, TrainingBegun
from loop.labels import write_section
from loop.places import Tile
from loop.replay import replay
from loop.training_labels import labels_of_sections, labels_sha256, seen_in_training

TURNS = 5
CALLS = 5


def main() -> None:
    """Make the run, then print seconds and whether two replays are the same bytes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", type=int, nargs=3, default=(100, 1024, 1024))
    parser.add_argument("--annotations", type=int, default=50)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        run = made_run(Path(scratch), tuple(options.shape))
        annotated = annotate(run, options.annotations)
        wall, processor = zip(*(blame_s(run, *voxel) for voxel in annotated[:: -len(annotated) // CALLS]), strict=True)
        print(f"blame, {len(wall)} calls: {min(wall):.2f} to {max(wall):.2f} s   asked: 1 s")
        print(f"... of a processor: {statistics.median(processor):.2f} s")
        began, files = time.perf_counter(), [Path(scratch) / name for name in ("a.h5", "b.h5")]
        for file in files:
            replay(run.folder, TURNS + 1, file)
        same = files[0].read_bytes() == files[1].read_bytes()
        print(f"replay, twice: {'the same bytes' if same else 'DIFFERENT'}, {time.perf_counter() - began:.1f} s")


def made_run(scratch: Path, shape: tuple[int, ...]) -> Run:
    """Create a run whose sections are squares of ids."""
    group, height, width = zarr.open_group(scratch / "volume.zarr", mode="w"), *shape[1:]
    for name, dtype in (("raw", np.uint8), ("labels", np.uint32)):
        array = group.create_array(name, shape=shape, dtype=dtype, chunks=(1, height, width))
        array.attrs["voxel_size_nm_zyx"] = [30.0, 6.0, 6.0]
        for z in range(shape[0]):
            array[z] = squares(shape[1:], z).astype(dtype)
    path, given = scratch / "volume.zarr", min(50, shape[0] // 2)
    data = DataConfig(
        volume=f"{path}:raw", labels=f"{path}:labels", train=f"0:{given}", holdout=f"{shape[0] - 4}:{shape[0]}"
    )
    return init_run(scratch / "run", plan(data))


def squares(shape: tuple[int, ...], shift: int) -> NDArray[Any]:
    """Give a section (y, x) of squares of 40 px with walls between them."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    ids = 1 + (y + shift) // 40 * 64 + (x + shift) // 40
    return np.where(((y + shift) % 40 < 2) | ((x + shift) % 40 < 2), 0, ids)


def annotate(run: Run, count: int) -> list[tuple[int, int, int]]:
    """Record trainings and annotations in turn; gives a voxel of each annotation."""
    pool, voxels = run.sections["pool"], list[tuple[int, int, int]]()
    size = run.image.shape[1:]
    for turn in range(1, TURNS + 1):
        train(run, turn)
        for number in range(count * (turn - 1) // TURNS, count * turn // TURNS):
            z = pool[number % len(pool)]
            tile = Tile(size[0] // 4, size[1] // 4, size[0] // 2, size[1] // 2) if number % 5 == 4 else None
            counted = np.zeros(size, np.bool_)
            counted[tile.window if tile else np.s_[:, :]] = True
            path, digest = write_section(run.folder.labels, z, squares(size, number).astype(np.uint32), counted=counted)
            correction = answer(turn, number)
            run.ledger.append(
                SectionLabelled(section=z, file=path.name, sha256=digest, tile=tile, correction=correction)
            )
            voxels.append((z, size[0] // 2, size[1] // 2))
    train(run, TURNS + 1)
    return voxels


def train(run: Run, turn: int) -> None:
    """Record a training on everything that is labelled."""
    run.ledger.append(TrainingBegun(iteration=turn))
    labelled = seen_in_training(run.ledger, turn).trainable()
    sections = sorted(labelled)
    labels = labels_sha256(labels_of_sections(run.folder, labelled, sections))
    origin = Origin(labels_sha256=labels, data_sha256="d", config_sha256="c", code="0", parent=turn - 1 or None)
    run.ledger.append(
        Trained(
            iteration=turn,
            checkpoint="c",
            sha256=f"{turn}" * 64,
            sections=sections,
            final_loss=0.1,
            seconds=100,
            origin=origin,
        )
    )


def answer(turn: int, number: int) -> Correction:
    """Say that somebody corrected a section over the contours of this turn's model."""
    return Correction(
        iteration=turn,
        task_id=number,
        annotation_id=number,
        annotator=f"person{number % 3}@lab.example",
        submitted_at=datetime.now(UTC),
        lead_time_s=240,
        model_sha256=f"{turn}" * 64,
        result_sha256="r",
        regions_kept=400,
        regions_changed=10,
        regions_added=1,
        regions_deleted=0,
    )


def blame_s(run: Run, z: int, y: int, x: int) -> tuple[float, float]:
    """Give the wall and the processor seconds of one call."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-m", "flows.cli", "blame", str(run.folder.root), str(z), str(y), str(x)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    took, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if "@lab.example" not in said:
        raise AssertionError(f"nobody is named for {z} {y} {x}: {said}")
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
