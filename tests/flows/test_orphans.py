"""What a killed command leaves running is ended by the next one."""

import os
import signal
import subprocess
import sys

import psutil

from flows.serving.orphans import end_orphans

COMMAND = """
import time
from flows.serving.orphans import note_who_starts
note_who_starts()
from prefect import flow
from prefect.server.api.server import SubprocessASGIServer

@flow
def waiting() -> None:
    print(SubprocessASGIServer._instances.popitem()[1].server_process.pid, flush=True)
    time.sleep(600)

waiting()
"""


def test_the_server_of_a_killed_command_is_ended_and_that_of_a_living_one_is_not() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    with subprocess.Popen([sys.executable, "-c", COMMAND], stdout=subprocess.PIPE, env=environment) as command:
        assert command.stdout is not None
        server = psutil.Process(int(command.stdout.readline()))
        assert server.pid not in end_orphans()
        assert server.is_running()
        os.kill(command.pid, signal.SIGKILL)
        command.wait()
    assert server.pid in end_orphans()
    assert server.wait(timeout=60) is not None or not server.is_running()
