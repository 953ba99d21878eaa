from collections.abc import Iterator

import pytest

from annotation.server import Server, down, up


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real Label Studio for all tests that do not stop it; each test takes its own iteration number."""
    directory = tmp_path_factory.mktemp("run") / "annotation"
    yield up(directory)
    assert down(directory)
