"""Time `proofloop segment` and `trace` on Dask workers of one thread each: one worker and several, alternating.

python benchmarks/scale_out.py --volume v.h5:raw --model RUN
python benchmarks/scale_out.py trace --volume v.h5:raw --membrane prediction.zarr:membrane --sections 50:100

Without `--membrane`, what was predicted is traced. Both clusters are started before anything is timed, and one section
is done first, so that what a worker imports does not count; registrations are not kept from one turn to the next. The
results are compared bit for bit. `--memory` is what a worker may take, by which blocks are cut. The most memory that a
worker held is read from Linux.
"""

import argparse
import logging
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from statistics import median

from distributed import Client

from flows.config import TracingConfig
from flows.predictor import predictor_of
from flows.segment import segment
from flows.trace.job import TraceInputs, TraceSettings
from flows.trace.stages import trace
from flows.workers import Workers, local_cluster
from loop.section_range import parse_sections
from loop.volume import open_image, open_volume

Work = Callable[[Path, str, Workers], str]


def main() -> None:
    """Print a line for each turn, and the ratio of each kind of work."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=["segment", "trace"], help="default: both")
    parser.add_argument("--volume", required=True, help="image, path:dataset")
    parser.add_argument("--model", type=Path, help="checkpoint or run, for segment")
    parser.add_argument("--membrane", help="membrane probability, path:dataset, for trace; default: what is predicted")
    parser.add_argument("--sections", help="start:stop; default: all")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--memory", type=float, default=4.0, help="GiB for each worker")
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    logging.getLogger("distributed").setLevel(logging.ERROR)
    options.sections = options.sections or f"0:{open_image(options.volume).shape[0]}"
    with ExitStack() as stack:
        kept = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        clients = {}
        for count in (1, options.workers):
            cluster = stack.enter_context(local_cluster(Workers(count=count, memory_gib=options.memory)))
            clients[count] = stack.enter_context(Client(cluster))  # type: ignore[no-untyped-call]
        if options.what != "trace":
            compare("segment", segmenting(options.volume, options.model, kept), clients, options)
        if options.what != "segment":
            compare(
                "trace", tracing(options.volume, options.membrane or f"{kept}/membrane.zarr:membrane"), clients, options
            )


def compare(what: str, work: Work, clients: dict[int, Client], options: argparse.Namespace) -> None:
    """Time one kind of work on each cluster in turn."""
    first = parse_sections(options.sections, name="sections", n_sections=open_image(options.volume).shape[0])[0]
    seconds: dict[int, list[float]] = {count: [] for count in clients}
    most: dict[int, float] = {}
    found = set()
    for client in clients.values():
        client.run(forget_most_memory)
    for number in range(options.rounds + 1):
        for count, client in clients.items():
            workers = Workers(scheduler=client.scheduler_info()["address"], memory_gib=options.memory)
            with tempfile.TemporaryDirectory() as folder:
                began = time.monotonic()
                done = work(Path(folder), options.sections if number else f"{first}:{first + 1}", workers)
            if number:
                seconds[count].append(time.monotonic() - began)
                found.add(done)
                most[count] = max(client.run(most_memory_gib).values())
                print(f"{what}, {count} worker(s): {seconds[count][-1]:.1f} s", flush=True)
    ratio = median(seconds[1]) / median(seconds[options.workers])
    print(
        f"{what}, sections {options.sections}: {options.workers} workers are {ratio:.2f} times as fast as one, "
        f"results {'equal' if len(found) == 1 else 'DIFFER'}; a worker held {max(most.values()):.2f} GiB at most "
        f"of {options.memory:g}",
        flush=True,
    )


def forget_most_memory() -> None:
    """Let Linux count anew the most memory that this process has held."""
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")


def most_memory_gib() -> float:
    """Give the most memory that this process has held since then."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines())
    return int(lines["VmHWM"].split()[0]) / 2**20


def segmenting(volume: str, model: Path, kept: Path) -> Work:
    """Predict a stretch with a model; what was predicted last lies in the folder `kept`."""
    predictor = predictor_of(model, {})

    def work(folder: Path, sections: str, workers: Workers) -> str:
        out = folder / "membrane.zarr"
        segment(volume, predictor, out, sections=sections, workers=workers)
        found = hashed(f"{out}:membrane")
        shutil.rmtree(kept / out.name, ignore_errors=True)
        out.rename(kept / out.name)
        return found

    return work


def tracing(volume: str, membrane: str) -> Work:
    """Trace a stretch in a membrane that is predicted already."""

    def work(folder: Path, sections: str, workers: Workers) -> str:
        out = folder / "axons.zarr"
        inputs = TraceInputs(image=volume, membrane=membrane, sections=sections)
        trace(inputs, out, TraceSettings(TracingConfig(), folder / "cache"), workers=workers)
        return hashed(f"{out}:labels")

    return work


def hashed(spec: str) -> str:
    """Hash a volume."""
    volume, digest = open_volume(spec), sha256()
    for z in range(volume.shape[0]):
        digest.update(volume.section(z).tobytes())
    return digest.hexdigest()


if __name__ == "__main__":
    main()
