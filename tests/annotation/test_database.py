"""Label Studio with a real PostgreSQL behind it. One test: an empty database takes Label Studio most of a minute."""

from pathlib import Path

import numpy as np
import pytest

from annotation.backup import back_up, restore
from annotation.database import PASSWORD_VARIABLE, PostgreSQL, parse_database
from annotation.ingest import ingest
from annotation.oracle import annotate
from annotation.publish import publish
from annotation.server import down, up
from loop.errors import InputError, ServerUnavailable
from tests.annotation.sections import cells, task


def test_postgresql_keeps_tasks_and_annotations_and_a_backup_brings_them_back(
    postgresql: PostgreSQL, tmp_path: Path
) -> None:
    directory = tmp_path / "annotation"
    try:
        server = up(directory, database=postgresql)
        assert not (directory / "server" / "label_studio.sqlite3").exists()
        first, second = publish(server, [task(1, 1), task(2, 1)])
        annotate(server, 1, cells)
        back_up(directory, tmp_path / "backup.tar.gz", database=postgresql)
        publish(server, [task(3, 2)])
        annotate(server, 2, cells)
        newest = max(submission.annotation_id for submission in ingest(server, set()).submissions)

        kept = restore(directory, tmp_path / "backup.tar.gz", database=postgresql, overwrite=True)
        assert kept is not None
        server = up(directory, database=postgresql)
        held = ingest(server, set()).submissions
        assert [submission.task_id for submission in held] == [first, second]
        assert np.array_equal(held[0].labels, cells(1))
        publish(server, [task(3, 2)])
        annotate(server, 2, cells)
        assert max(submission.annotation_id for submission in ingest(server, set()).submissions) > newest
        down(directory)
        with pytest.raises(ServerUnavailable, match="in another database"):
            up(directory)
    finally:
        down(directory)


def test_an_address_is_read_and_its_password_comes_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = parse_database("postgresql://lab%40home@db.lab.example/proof", tmp_path)
    assert (database.host, database.port, database.user, database.name) == ("db.lab.example", 5432, "lab@home", "proof")
    assert database.password() == ""
    database.password_file.parent.mkdir()
    database.password_file.write_text("from the file\n")
    with pytest.raises(InputError, match="others can read it"):
        database.password()
    database.password_file.chmod(0o600)
    assert database.for_server()["POSTGRE_PASSWORD"] == "from the file"
    monkeypatch.setenv(PASSWORD_VARIABLE, "from the environment")
    assert database.for_tools()["PGPASSWORD"] == "from the environment"


def test_a_password_in_the_address_is_refused_and_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="password in the address") as refused:
        parse_database("postgresql://lab:hunter2@db.lab.example/proof", tmp_path)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["mysql://a@b/c", "postgresql://b/c", "postgresql://a@b", "postgresql://a@b:x/c", "postgresql://a@b/c?d=e"]
)
def test_other_addresses_are_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="address of the database"):
        parse_database(url, tmp_path)


def test_a_database_that_does_not_answer_is_named(tmp_path: Path) -> None:
    nowhere = parse_database("postgresql://a@127.0.0.1:1/c", tmp_path)
    with pytest.raises(ServerUnavailable, match="port 1 failed"):
        up(tmp_path / "annotation", database=nowhere)
