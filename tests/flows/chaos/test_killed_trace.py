"""A trace that is killed in every stage, and goes on each time, is the one that nobody disturbed."""

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np

from loop.volume import open_labels
from tests.flows.test_trace import STACK, run, write
from tests.tracing.stacks import seen

TRACE = """
import os
import signal
import sys
from pathlib import Path
from tests.flows.test_trace import run

def doomed(done, total, note=""):
    if done >= int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

run(Path(sys.argv[1]), Path(sys.argv[1]).with_name("axons.h5"), block=1, progress=doomed)
"""
STEPS = (1, 5, 9, 12, 15)  # of 16: objects, registrations, links, walls, axons written


def test_killed_in_every_stage_it_ends_with_the_same_axons(tmp_path: Path) -> None:
    images = np.stack([seen(section, seed=z) for z, section in enumerate(STACK)])
    stored = write(tmp_path / "v.h5", raw=images, membrane=np.where(STACK > 0, 0, 255).astype(np.uint8))
    for step in STEPS:
        killed = subprocess.run([sys.executable, "-c", TRACE, str(stored), str(step)], check=False, timeout=300)
        assert killed.returncode == -signal.SIGKILL
        assert not (tmp_path / "axons.h5").exists()
    ended = subprocess.run([sys.executable, "-c", TRACE, str(stored), "1000"], check=False, timeout=300)
    assert ended.returncode == 0
    axons = open_labels(tmp_path / "axons.h5")
    assert (axons.sections(0, axons.shape[0]) == run(stored, tmp_path / "undisturbed.h5")).all()
