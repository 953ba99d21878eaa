import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from loop.holding import FolderHeld, held

HOLD = """
import sys
from pathlib import Path
from loop.holding import held
with held(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    """Start a process that holds `folder` until it is told to end."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_process_is_told_who_works_there(tmp_path: Path) -> None:
    with holder(tmp_path) as first:
        with pytest.raises(FolderHeld, match=rf"process {first.pid} on .* \(-c {tmp_path}\) since 20"), held(tmp_path):
            pass
        first.communicate("")
    with held(tmp_path):
        pass


def test_a_killed_process_lets_go_by_itself(tmp_path: Path) -> None:
    with holder(tmp_path) as first:
        os.kill(first.pid, signal.SIGKILL)
    with held(tmp_path):
        pass


def test_other_folders_stay_free(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with held(tmp_path / "a"), held(tmp_path / "b"):
        pass


def test_a_torn_note_still_keeps_others_out(tmp_path: Path) -> None:
    with holder(tmp_path) as first:
        (tmp_path / ".held").write_bytes(b'{"pro')
        with pytest.raises(FolderHeld, match="a process that has just begun"), held(tmp_path):
            pass
        first.communicate("")
