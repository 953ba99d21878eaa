import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from loop.holding import FolderHeld, held, held_beside

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


def test_nothing_is_left_behind_and_what_becomes_something_else_is_held_beside(tmp_path: Path) -> None:
    made = tmp_path / "out.unfinished"
    made.mkdir()
    with held_beside(made):
        with pytest.raises(FolderHeld), held_beside(made):
            pass
        made.rename(tmp_path / "out")
    with held(tmp_path / "out"):
        pass
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == ["out"]


AGAIN_AND_AGAIN = """
import os, sys
from pathlib import Path
from loop.holding import FolderHeld, held
folder, times = Path(sys.argv[1]), 0
while times < 200:
    try:
        with held(folder):
            os.mkdir(folder / "mine")  # fails where somebody else is within
            os.rmdir(folder / "mine")
            times += 1
    except FolderHeld:
        pass
"""


def test_two_that_take_turns_quickly_are_never_both_within(tmp_path: Path) -> None:
    command = [sys.executable, "-c", AGAIN_AND_AGAIN, str(tmp_path)]
    both = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
