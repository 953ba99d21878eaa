import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.config import DataConfig, RankingConfig, RunConfig
from flows.initialise import init_run, plan
from flows.runs import Run
from loop.phantom import make_phantom, write_phantom
from models.prediction_config import PredictionConfig


@pytest.fixture(scope="session")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A phantom of 14 sections of 96 x 96 px, enough for a loop of seconds."""
    path = tmp_path_factory.mktemp("phantom") / "tiny.h5"
    write_phantom(path, make_phantom((14, 96, 96), seed=3))
    return path


@pytest.fixture
def quick(phantom: Path) -> RunConfig:
    """A configuration whose every stage takes seconds: 4 dense sections, 7 in the pool, 3 held out."""
    return quick_config(phantom)


def quick_config(phantom: Path) -> RunConfig:
    data = DataConfig(volume=f"{phantom}:raw", labels=f"{phantom}:labels", train="0:4", holdout="11:14")
    planned = plan(data, annotator="oracle")
    training = planned.training.model_copy(update={"steps": 8, "batch": 2, "patch_px": 64})
    return planned.model_copy(
        update={
            "training": training,
            "prediction": PredictionConfig(variants=1),
            "ranking": RankingConfig(tasks_per_iteration=2),
        }
    )


def with_data(config: RunConfig, **changes: str | int) -> RunConfig:
    """The same configuration with other data."""
    return config.model_copy(update={"data": DataConfig(**(config.data.model_dump() | changes))})


@pytest.fixture
def run(tmp_path: Path, quick: RunConfig) -> Run:
    return init_run(tmp_path / "run", quick)


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    """A real Prefect server for this session's flows."""
    from prefect.testing.utilities import prefect_test_harness

    os.environ["PREFECT_LOGGING_LEVEL"] = "WARNING"
    with prefect_test_harness(server_startup_timeout=180):
        yield
