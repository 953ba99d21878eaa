"""Progress of long steps in Prefect's page, on a real Prefect server."""

import time

import pytest
from prefect import flow, task
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterType

from flows.serving import progress_artifact


def test_a_step_that_takes_longer_shows_how_far_it_is(prefect_server: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_artifact, "_EVERY_S", 0.2)

    @task
    def step() -> None:
        with progress_artifact.shown_progress("a long step", "sections") as progress:
            for done in range(1, 5):
                progress(done, 4, "of a test")
                time.sleep(0.4)

    @flow
    def turn() -> None:
        step()

    turn()
    with get_client(sync_client=True) as api:
        found = api.read_artifacts(artifact_filter=ArtifactFilter(type=ArtifactFilterType(any_=["progress"])))
    (told,) = [one for one in found if "a long step" in (one.description or "")]
    assert told.data == 100.0
    assert told.description == "a long step 4 of 4 sections of a test"
