"""A second real Label Studio stands for the lab's own: another user's, reached by address and token alone."""

import json
import stat
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from annotation.accounts import ensure_account
from annotation.connection import authorization, http_client, is_personal, lab_server
from annotation.ingest import ingest
from annotation.oracle import annotate
from annotation.project import connect, find_project
from annotation.publish import publish
from annotation.server import TOKEN_VARIABLE, Server
from loop.errors import InputError, ServerUnavailable
from tests.annotation.sections import cells, task


def private(path: Path, text: str) -> Path:
    path.write_text(text + "\n")
    path.chmod(0o600)
    return path


def allow_legacy_tokens(server: Server, *, allowed: bool) -> None:
    """Set it as the organization's owner does in the browser."""
    account = ensure_account(server, "owner@lab.example")
    form = {"email": account.email, "password": account.password_file.read_text().strip()}
    with httpx.Client(base_url=server.url, follow_redirects=True) as browser:
        browser.get("/user/login/")
        browser.post(
            "/user/login/",
            data=form | {"csrfmiddlewaretoken": browser.cookies["csrftoken"]},
            headers={"Referer": server.url},
        )
        answer = browser.post(
            "/api/jwt/settings",
            json={"api_tokens_enabled": True, "legacy_api_tokens_enabled": allowed},
            headers={"X-CSRFToken": browser.cookies["csrftoken"], "Referer": server.url},
        )
    assert answer.is_success, answer.text


@pytest.fixture(scope="module")
def personal_token(server: Server) -> str:
    """A personal access token of the server's first user."""
    with http_client(server) as http:
        answer = http.post("/api/token/", headers=authorization(http, server))
    token = str(answer.json()["token"])
    assert is_personal(token)
    return token


def test_everything_goes_through_a_server_of_the_labs_own_with_a_legacy_token(server: Server, tmp_path: Path) -> None:
    token = private(tmp_path / "token", server.token())
    lab = lab_server(server.url, tmp_path / "annotation", token_file=token, project="lab, legacy")
    round_trip(lab)


def test_everything_goes_through_a_server_of_the_labs_own_with_a_personal_access_token(
    server: Server, personal_token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, personal_token)
    lab = lab_server(server.url, tmp_path / "annotation", project="lab, personal")
    assert lab.token_file is None
    assert personal_token not in repr(lab)
    allow_legacy_tokens(server, allowed=False)
    try:
        round_trip(lab)
    finally:
        allow_legacy_tokens(server, allowed=True)
    kept = [path for path in lab.directory.rglob("*") if path.is_file()]
    assert all(personal_token.encode() not in path.read_bytes() for path in kept)


def round_trip(lab: Server) -> None:
    """Publish, see the images, annotate and ingest; nothing of it touches the run's own project beside it."""
    (number,) = publish(lab, [task(5, 1)])
    assert publish(lab, [task(5, 1)]) == [number]
    with connect(lab) as client:
        assert find_project(client, lab.project) != find_project(client)
        shown = client.tasks.get(str(number)).data
    with http_client(lab) as http:
        for name in ("image", "before", "after"):
            answer = http.get(shown[name], headers=authorization(http, lab))
            assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
            assert http.get(shown[name]).status_code in (401, 403)
    annotate(lab, 1, cells)
    (submission,) = ingest(lab, set()).submissions
    assert submission.task_id == number
    assert np.array_equal(submission.labels, cells(5))


def test_a_server_that_does_not_answer_is_named(tmp_path: Path) -> None:
    token = private(tmp_path / "token", "0" * 40)
    with pytest.raises(ServerUnavailable, match=r"does not answer[\s\S]*http://127.0.0.1:9"):
        lab_server("http://127.0.0.1:9", tmp_path, token_file=token, project="lab")


def test_a_wrong_token_is_told_and_not_shown(server: Server, tmp_path: Path) -> None:
    token = private(tmp_path / "token", "f" * 40)
    with pytest.raises(ServerUnavailable, match="refuses the legacy token") as refused:
        lab_server(server.url, tmp_path, token_file=token, project="lab")
    assert "f" * 40 not in str(refused.value)


def test_a_wrong_personal_access_token_is_told(server: Server, personal_token: str, tmp_path: Path) -> None:
    forged = private(tmp_path / "token", personal_token[:-4] + "AAAA")
    with pytest.raises(ServerUnavailable, match="refuses the personal access token"):
        lab_server(server.url, tmp_path, token_file=forged, project="lab")


def test_a_kind_of_token_that_is_disabled_is_told(server: Server, tmp_path: Path) -> None:
    token = private(tmp_path / "token", server.token())
    allow_legacy_tokens(server, allowed=False)
    try:
        with pytest.raises(ServerUnavailable, match="does not take the legacy token kind"):
            lab_server(server.url, tmp_path, token_file=token, project="lab")
    finally:
        allow_legacy_tokens(server, allowed=True)


def test_a_token_that_others_can_read_is_refused(server: Server, tmp_path: Path) -> None:
    token = private(tmp_path / "token", server.token())
    token.chmod(0o644)
    with pytest.raises(InputError, match="mode 644"):
        lab_server(server.url, tmp_path, token_file=token, project="lab")
    assert stat.S_IMODE(token.stat().st_mode) == 0o644


@pytest.mark.parametrize("text", [None, ""])
def test_a_missing_token_says_where_it_goes(server: Server, tmp_path: Path, text: str | None) -> None:
    if text is not None:
        private(tmp_path / "token", text)
    with pytest.raises(InputError, match=TOKEN_VARIABLE):
        lab_server(server.url, tmp_path, token_file=tmp_path / "token", project="lab")


@pytest.mark.parametrize("url", ["lab.example", "ftp://lab.example", "http://", "http://lab.example:99999", ""])
def test_an_address_that_cannot_be_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="address of the lab's Label Studio"):
        lab_server(url, tmp_path, project="lab")


@pytest.mark.parametrize("url", ["http://me:hunter2@lab.example", "http://lab.example/?token=hunter2"])
def test_a_secret_in_the_address_is_refused_and_not_repeated(url: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="without user, password or token") as refused:
        lab_server(url, tmp_path, project="lab")
    assert "hunter2" not in str(refused.value)


@pytest.fixture
def answering() -> Iterator[Any]:
    """Start a web server that answers every question alike; Label Studio itself cannot be made older here."""
    started: list[ThreadingHTTPServer] = []

    def start(body: bytes) -> str:
        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        web = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        threading.Thread(target=web.serve_forever, daemon=True).start()
        started.append(web)
        return f"http://127.0.0.1:{web.server_address[1]}"

    yield start
    for web in started:
        web.shutdown()
        web.server_close()


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (json.dumps({"label-studio-os-package": {"version": "1.9.2"}}).encode(), "too old"),
        (b"<html>It works!</html>", "something other than Label Studio"),
        (b"[]", "something other than Label Studio"),
    ],
)
def test_an_old_server_and_another_service_are_told_apart(
    answering: Any, body: bytes, problem: str, tmp_path: Path
) -> None:
    token = private(tmp_path / "token", "0" * 40)
    with pytest.raises(ServerUnavailable, match=problem):
        lab_server(answering(body), tmp_path, token_file=token, project="lab")
