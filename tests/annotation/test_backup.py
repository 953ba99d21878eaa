import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from annotation.backup import back_up, restore
from annotation.ingest import ingest
from annotation.oracle import annotate
from annotation.prediction_process import start_service
from annotation.publish import publish
from annotation.server import Server, down, status, up
from loop.errors import InputError
from tests.annotation.sections import cells, task


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "annotation"
    yield folder
    down(folder)


def answered(server: Server) -> list[int]:
    return [submission.z for submission in ingest(server, set()).submissions]


def test_what_was_annotated_before_the_backup_comes_back(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar.gz"
    server = up(folder)
    publish(server, [task(1, 1)])
    annotate(server, 1, cells)
    manifest = back_up(folder, file)
    assert manifest["database"] == "SQLite"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    publish(server, [task(2, 2)])
    annotate(server, 2, cells)
    before = ingest(server, set()).submissions
    assert [submission.z for submission in before] == [1, 2]

    with pytest.raises(InputError, match="running"):
        restore(folder, file)
    assert answered(server) == [1, 2]

    service = start_service(folder, [sys.executable, "-c", "import time; time.sleep(600)"])
    kept = restore(folder, file, overwrite=True)
    assert not service.alive
    assert up(folder) == server
    (submission,) = ingest(server, set()).submissions
    assert np.array_equal(submission.labels, cells(1))
    assert stat.S_IMODE((folder / "server").stat().st_mode) == 0o700
    publish(server, [task(2, 2)])
    annotate(server, 2, cells)
    (again,) = (submission for submission in ingest(server, set()).submissions if submission.z == 2)
    assert again.annotation_id > max(submission.annotation_id for submission in before)  # the ledger knows them by it

    assert kept is not None
    down(folder)
    shutil.rmtree(folder)
    kept.rename(folder)
    assert answered(up(folder)) == [1, 2]


def test_a_restoration_that_was_broken_off_between_two_renames_is_finished(tmp_path: Path) -> None:
    folder = tmp_path / "annotation"
    (tmp_path / "annotation.restored" / "server").mkdir(parents=True)
    assert status(folder).state == "down"
    assert (folder / "server").is_dir()


def test_nothing_to_back_up_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no embedded Label Studio"):
        back_up(tmp_path / "annotation", tmp_path / "backup.tar.gz")


def test_a_backup_is_never_overwritten(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar.gz"
    file.write_text("precious")
    with pytest.raises(InputError, match="the backup exists"):
        back_up(server.directory, file)
    assert file.read_text() == "precious"


def test_half_a_backup_changes_nothing(server: Server, tmp_path: Path) -> None:
    whole, half = tmp_path / "whole.tar.gz", tmp_path / "half.tar.gz"
    back_up(server.directory, whole)
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    for file in (half, tmp_path / "missing.tar.gz"):
        with pytest.raises(InputError, match="no whole backup"):
            restore(tmp_path / "annotation", file)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["half.tar.gz", "whole.tar.gz"]
