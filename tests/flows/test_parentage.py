"""A served flow ends with who started it, and in time, whatever it is doing."""

import os
import signal
import subprocess
import sys
import time

DEAF = """
import sys
from ctypes import CDLL
from flows.serving.parentage import end_with_parent
end_with_parent(limit_s=float(sys.argv[1]))
print("begun", flush=True)
CDLL(None).sleep(300)  # one call of C, which no signal handler of Python interrupts
"""
PARENT = """
import subprocess, sys
subprocess.run([sys.executable, "-c", sys.argv[1], "300"])
"""


def test_a_computation_that_hears_no_timeout_is_ended_after_it() -> None:
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", DEAF, "0.5"], check=False, stdout=subprocess.PIPE, timeout=120)
    assert done.returncode == -signal.SIGKILL
    assert done.stdout == b"begun\n"
    assert time.monotonic() - began > 0.5


def test_it_ends_with_the_process_that_started_it() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, DEAF], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"begun\n"
        os.kill(parent.pid, signal.SIGKILL)
        assert parent.stdout.read() == b""  # the end of the last process that holds it
