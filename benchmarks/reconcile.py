"""Measure looks at a Label Studio with many tasks: requests, seconds and memory grow with what changed.

python benchmarks/reconcile.py
python benchmarks/reconcile.py --tasks 50000
"""

import argparse
import logging
import resource
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from annotation.client import LabelStudio
from annotation.ingest import Harvest, ingest
from annotation.project import connect, ensure_project
from annotation.server import Server, down, up

AT_ONCE = 5000


class _Requests(logging.Handler):
    """Counts the lines that the HTTP library logs, one for each request."""

    count = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Count a request."""
        self.count += record.name == "httpx"


REQUESTS = _Requests()


def main() -> None:
    """Import light tasks, change a few, and look after each change."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=50_000)
    options = parser.parse_args()
    logging.getLogger("httpx").setLevel(logging.INFO)
    logging.getLogger("httpx").addHandler(REQUESTS)
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch) / "annotation"
        try:
            _measure(up(directory), options.tasks)
        finally:
            down(directory)
    print(f"peak memory of this process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10:.0f} MiB")


def _measure(server: Server, tasks: int) -> None:
    with connect(server) as client:
        project = ensure_project(client, server)
        _import(client, project, 10, first=0)
        _answer(client, [1])
        seen = _look(server, "10 tasks, one answered, first look", None)
        _import(client, project, tasks, first=10)
        seen = _look(server, f"{tasks:,} tasks imported by us, none answered", seen)
        _answer(client, [20, tasks // 2])
        seen = _look(server, "two of them answered", seen)
        _look(server, "nothing changed", seen)
        client.annotations.delete(2)
        seen = _look(server, "one annotation deleted", seen)
        _look(server, "first look at all", None)


def _import(client: LabelStudio, project: int, count: int, *, first: int) -> None:
    shown = dict.fromkeys(("image", "before", "after", "title", "reason", "before_title", "after_title"), "x")
    batch: list[Any] = []
    for z in range(first, first + count):
        batch.append(shown | {"section_id": f"it001-z{z:05d}", "z": z, "iteration": 1})
        if len(batch) == AT_ONCE or z == first + count - 1:
            client.projects.import_tasks(project, request=batch)
            batch = []


def _answer(client: LabelStudio, places: list[int]) -> None:
    for place in places:
        client.annotations.create(place, result=[], lead_time=1.0)


def _look(server: Server, what: str, since: datetime | None) -> datetime | None:
    before, began = REQUESTS.count, time.monotonic()
    harvest: Harvest = ingest(server, set(), since=since)
    seconds = time.monotonic() - began
    said = f"{len(harvest.tasks)} tasks read, {REQUESTS.count - before} requests, {seconds:.2f} s"
    print(f"{what}: {said}", flush=True)
    return harvest.seen_until


if __name__ == "__main__":
    main()
