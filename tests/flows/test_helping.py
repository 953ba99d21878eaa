"""Label Studio and the prediction service beside it, by the commands that people type."""

import json
import socket
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from annotation.project import connect, ensure_project
from annotation.server import down, status, up
from flows.cli import app
from flows.config import LabServerConfig, write_config
from flows.helping import start_with_service
from flows.labelling_server import server_of
from flows.runs import Run
from loop.errors import ServerUnavailable


def test_the_prediction_service_lives_and_ends_with_the_server(run: Run) -> None:
    root, folder = str(run.folder.root), run.folder.annotation
    commands = CliRunner()
    try:
        for _ in range(2):  # the second finds both running
            assert commands.invoke(app, ["annotator", "up", root]).exit_code == 0
        told = json.loads(commands.invoke(app, ["annotator", "status", root, "--json"]).stdout)
        assert told["state"] == "up"
        server = up(folder)
        with connect(server) as client:
            (backend,) = client.ml.list(project=ensure_project(client, server))
        assert (backend.url, backend.is_interactive) == (told["prediction_service"], True)
        secret = (folder / "secrets" / "service").read_text().strip()
        assert secret not in (folder / "service.log").read_text() + (folder / "server.log").read_text()
    finally:
        assert commands.invoke(app, ["annotator", "down", root]).exit_code == 0
    told = json.loads(commands.invoke(app, ["annotator", "status", root, "--json"]).stdout)
    assert (told["state"], told["prediction_service"]) == ("down", None)


def test_a_busy_port_of_the_service_keeps_nobody_from_annotating(run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        busy = run.config.annotation.model_copy(update={"prediction_port": taken.getsockname()[1]})
        try:
            start_with_service(replace(run, config=run.config.model_copy(update={"annotation": busy})))
            assert f"port {busy.prediction_port}" in capfd.readouterr().err
            assert status(run.folder.annotation).state == "up"
        finally:
            down(run.folder.annotation)


def test_whether_the_labs_own_server_lets_us_in_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    root, folder, commands = str(run.folder.root), run.folder.annotation, CliRunner()
    lab = up(folder)
    try:
        settings = run.config.annotation.model_copy(update={"server": LabServerConfig(url=lab.url)})
        write_config(run.folder.config, run.config.model_copy(update={"annotation": settings}))
        for token, state in ((lab.token(), "up"), ("5a" * 20, "down")):
            monkeypatch.setenv("PROOFLOOP_LABEL_STUDIO_TOKEN", token)
            told = commands.invoke(app, ["annotator", "status", root, "--json"])
            known = {"state": state, "url": lab.url, "pid": None, "prediction_service": None}
            assert json.loads(told.stdout.splitlines()[-1]) == known
    finally:
        down(folder)
        write_config(run.folder.config, run.config)


def test_port_0_is_refused_too(run: Run) -> None:
    with pytest.raises(ServerUnavailable, match="port 0"):
        server_of(run, port=0)
