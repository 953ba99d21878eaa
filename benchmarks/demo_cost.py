"""Measure what the demo costs: wall time, peak memory of all its processes, and what it gains.

python benchmarks/demo_cost.py
python benchmarks/demo_cost.py --volume v.h5:raw --labels v.h5:labels
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil


def main() -> None:
    """Run the demo in a scratch folder and print its figures."""
    with tempfile.TemporaryDirectory() as scratch:
        began = time.monotonic()
        demo = subprocess.Popen([sys.executable, "-m", "flows.cli", "demo", "--out", scratch, *sys.argv[1:]])
        peak_bytes = 0
        while demo.poll() is None:
            peak_bytes = max(peak_bytes, _memory_bytes(demo.pid, scratch))
            time.sleep(0.5)
        seconds = time.monotonic() - began
        status = [sys.executable, "-m", "flows.cli", "status", f"{scratch}/run", "--json"]
        rows = json.loads(subprocess.run(status, capture_output=True, text=True, check=True).stdout)
        subprocess.run([sys.executable, "-m", "flows.cli", "annotator", "down", f"{scratch}/run"], check=True)
    print(f"exit code {demo.returncode}, {seconds:.0f} s, peak memory {peak_bytes / 2**30:.2f} GiB")
    print("hold-out VOI by turn:", ", ".join(f"{row['voi']:.3f}" for row in rows))
    print(f"VOI ratio last / first {rows[-1]['voi'] / rows[0]['voi']:.3f}")


def _memory_bytes(root: int, scratch: str) -> int:
    """Resident memory of the demo, its children, and the Label Studio that it left to itself."""
    total = 0
    for process in psutil.process_iter(["pid", "ppid", "memory_info", "environ"]):
        info = process.info
        environment = info["environ"] or {}
        ours = info["pid"] == root or any(parent.pid == root for parent in _parents(process))
        daemon = environment.get("LABEL_STUDIO_BASE_DATA_DIR", "").startswith(str(Path(scratch).resolve()))
        if (ours or daemon) and info["memory_info"]:
            total += info["memory_info"].rss
    return total


def _parents(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.parents()
    except psutil.Error:
        return []


if __name__ == "__main__":
    main()
