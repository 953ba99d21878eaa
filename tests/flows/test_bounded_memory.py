"""Linking and tracing hold a few sections at a time, however many there are."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from numpy.typing import NDArray

from tests.tracing.stacks import seen, tiling

_WORK = """
import sys
from pathlib import Path
import cv2
from flows.config import TracingConfig
from flows.link import Inputs, link
from flows.trace.job import TraceInputs, TraceSettings
from flows.trace.stages import trace
cv2.setNumThreads(1)
what, volume, out = sys.argv[1], sys.argv[2], Path(sys.argv[3])
if what == "link":
    link(Inputs(labels=volume + ":labels", raw=volume + ":raw"), out, cache=out.parent / "cache")
else:
    inputs = TraceInputs(image=volume + ":raw", membrane=volume + ":membrane")
    trace(inputs, out, TraceSettings(TracingConfig(), out.parent / "cache", 8))
status = Path("/proc/self/status").read_text()
print(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
"""
SIDE_PX, BYTES_A_VOXEL = 192, 6
"""Of a volume that is linked or traced: image, and labels in and out at least."""


def held_mib(what: str, folder: Path, n_sections: int) -> float:
    """Link or trace a stack in a process of its own and give the most memory that it held."""
    cells = np.tile(tiling(), (2, 2))
    labels = np.where(cells > 0, cells, 0).astype(np.uint16)
    drawn: dict[str, NDArray[Any]] = {
        "labels": labels,
        "raw": seen(labels),
        "membrane": np.where(labels > 0, 0, 255).astype(np.uint8),
    }
    group = zarr.open_group(folder / f"{n_sections}.zarr", mode="w")
    for name, section in drawn.items():
        array = group.create_array(
            name,
            shape=(n_sections, SIDE_PX, SIDE_PX),
            chunks=(1, SIDE_PX, SIDE_PX),
            dtype=section.dtype,
            attributes={"voxel_size_nm_zyx": [30, 12, 12]},
        )
        for z in range(n_sections):
            array[z] = np.roll(section, z, axis=1)
    words = [
        sys.executable,
        "-c",
        _WORK,
        what,
        str(folder / f"{n_sections}.zarr"),
        str(folder / f"{n_sections}.out.zarr"),
    ]
    return int(subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()[-1]) / 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory held is read from Linux's /proc")
@pytest.mark.parametrize("what", ["link", "trace"])
def test_five_times_the_sections_take_no_more_memory(what: str, tmp_path: Path) -> None:
    few, many = held_mib(what, tmp_path, 40), held_mib(what, tmp_path, 200)
    larger = 160 * SIDE_PX**2 * BYTES_A_VOXEL / 2**20
    assert many - few < larger / 4, f"{few:.0f} MiB for 40 sections, {many:.0f} for 200, which have {larger:.0f} more"
