import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from distributed import Client, LocalCluster
from numpy.typing import NDArray

from flows.blocks import Task
from flows.config import TracingConfig
from flows.predicting import Predictor
from flows.segment import segment
from flows.trace.job import TraceInputs, TraceSettings
from flows.trace.stages import trace
from flows.workers import Workers, crew_of
from loop.errors import InputError, ProofloopError
from loop.progress import Progress, silent
from loop.volume import open_volume
from models.prediction_config import PredictionConfig
from tests.flows.test_segment import write_checkpoint
from tests.flows.test_trace import CELLS, write
from tests.tracing.stacks import moved, seen
from tracing.seeding import SeedingConfig

N_SECTIONS = 9
LOST = 4


@pytest.fixture(scope="module")
def cluster() -> Iterator[Client]:
    with (
        LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=50
        ) as cluster,
        Client(cluster) as client,  # type: ignore[no-untyped-call]
    ):
        yield client


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cells that drift, with a lost section, so that links reach over gaps and over the seams of blocks."""
    truth = np.stack([moved(CELLS, 2 * z, -z) for z in range(N_SECTIONS)])
    images = np.stack([seen(section, seed=z) for z, section in enumerate(truth)])
    membrane = np.where(truth > 0, 0, 255).astype(np.uint8)
    images[LOST], membrane[LOST] = 0, 0
    return write(tmp_path_factory.mktemp("stored") / "v.h5", raw=images, membrane=membrane)


@pytest.fixture(scope="module")
def whole(stored: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, ...]:
    return traced(stored, tmp_path_factory.mktemp("whole") / "axons.zarr")


def traced(
    stored: Path, out: Path, *, block: int | None = None, progress: Progress = silent, **workers: Any
) -> tuple[bytes, ...]:
    """Give everything that a trace leaves."""
    inputs = TraceInputs(image=f"{stored}:raw", membrane=f"{stored}:membrane")
    settings = TraceSettings(TracingConfig(), out.parent / "cache", block)
    trace(inputs, out, settings, workers=Workers(**workers), progress=progress)
    tables = (out.with_suffix(f".{name}.csv").read_bytes() for name in ("axons", "links"))
    return (open_volume(out, dataset="labels").sections(0, N_SECTIONS).tobytes(), *tables)


def address(cluster: Client) -> str:
    return str(cluster.scheduler_info()["address"])


def test_links_reach_over_the_lost_section(whole: tuple[bytes, ...]) -> None:
    labels = np.frombuffer(whole[0], np.uint32).reshape(N_SECTIONS, *CELLS.shape)
    rows = whole[2].decode().splitlines()
    assert any(row.startswith(f"{LOST - 1},") and f",{LOST + 1}," in row and ",gap," in row for row in rows)
    assert len(np.unique(labels)) > 20


@pytest.mark.parametrize("block", [1, 4])
def test_labels_links_and_tables_are_the_same_however_sections_are_cut_into_blocks(
    stored: Path, whole: tuple[bytes, ...], tmp_path: Path, block: int
) -> None:
    assert traced(stored, tmp_path / "axons.zarr", block=block) == whole


def test_two_workers_of_this_machine_trace_the_same(stored: Path, whole: tuple[bytes, ...], tmp_path: Path) -> None:
    assert traced(stored, tmp_path / "axons.zarr", block=2, count=2) == whole
    assert not (tmp_path / "axons.zarr.unfinished").exists()


def test_a_worker_killed_at_work_changes_nothing(
    stored: Path, whole: tuple[bytes, ...], tmp_path: Path, cluster: Client
) -> None:
    killed: list[int] = []

    def kill_one_at_work(done: int, total: int, note: str = "") -> None:
        at_work = cluster.processing()  # type: ignore[no-untyped-call]
        busy = [worker for worker, tasks in at_work.items() if tasks]
        if done >= 3 and busy and not killed:
            pids: dict[str, int] = cluster.run(os.getpid)
            killed.append(pids[busy[0]])
            os.kill(killed[0], signal.SIGKILL)

    found = traced(stored, tmp_path / "axons.zarr", block=1, scheduler=address(cluster), progress=kill_one_at_work)
    assert killed
    assert found == whole


def test_what_is_wrong_is_told_of_as_in_one_process(stored: Path, tmp_path: Path, cluster: Client) -> None:
    anchors = tmp_path / "seeds.csv"
    anchors.write_text("z,y,x,track\n0,500,8,a\n")
    inputs = TraceInputs(image=f"{stored}:raw", membrane=f"{stored}:membrane", anchors=anchors)
    settings = TraceSettings(TracingConfig(), tmp_path / "cache", 2)
    with pytest.raises(InputError, match="lies outside"):
        trace(inputs, tmp_path / "axons.zarr", settings, workers=Workers(scheduler=address(cluster)))


def predicted(stored: Path, out: Path, checkpoint: Path, workers: Workers) -> list[NDArray[Any]]:
    config = PredictionConfig(variants=4, block_sections=2, device="cpu", precision="float32")
    segment(f"{stored}:raw", Predictor(checkpoint, config, SeedingConfig()), out, workers=workers)
    return [open_volume(f"{out}:{name}").sections(0, N_SECTIONS) for name in ("membrane", "variance", "labels")]


def test_a_cluster_predicts_the_same_as_this_process(stored: Path, tmp_path: Path, cluster: Client) -> None:
    checkpoint = write_checkpoint(tmp_path / "net.safetensors", "cpu", seed=1)
    alone = predicted(stored, tmp_path / "one.zarr", checkpoint, Workers(memory_gib=2))
    shared = predicted(stored, tmp_path / "two.zarr", checkpoint, Workers(scheduler=address(cluster), memory_gib=2))
    assert all((one == two).all() for one, two in zip(alone, shared, strict=True))
    assert alone[0].any()


def take_memory() -> None:
    held = [np.ones(2**27) for _ in range(2)]  # 2 GiB
    time.sleep(60)
    del held


def test_a_task_that_takes_more_than_its_worker_has_is_ended_and_told_of() -> None:
    with (
        crew_of(Workers(count=2, memory_gib=0.7)) as crew,
        pytest.raises(ProofloopError, match=r"lost again and again.*--memory"),
    ):
        crew([Task("greedy", take_memory, ())], lambda task: pytest.fail(f"{task.name} was done"))


def test_a_scheduler_that_cannot_be_reached_is_told_of(stored: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no Dask scheduler"):
        traced(stored, tmp_path / "axons.zarr", scheduler="post://a.letter")
