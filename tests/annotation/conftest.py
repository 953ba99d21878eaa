import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from annotation.client import LabelStudio
from annotation.database import PostgreSQL
from annotation.project import connect
from annotation.server import Server, down, up
from tests.annotation.postgres import cluster, programs


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real Label Studio for all tests that do not stop it; each test takes its own iteration number."""
    directory = tmp_path_factory.mktemp("run") / "annotation"
    yield up(directory)
    assert down(directory)


@pytest.fixture
def client(server: Server) -> Iterator[LabelStudio]:
    """The REST client of the run's own user."""
    with connect(server) as client:
        yield client


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """An empty database of a real PostgreSQL."""
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL's server is not installed (Debian: apt-get install postgresql)")
    with tempfile.TemporaryDirectory() as folder, cluster(Path(folder), found) as database:
        yield database
