import json
import os
import signal
import socket
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from annotation.accounts import ensure_account
from annotation.project import connect, find_project
from annotation.publish import publish
from annotation.server import Server, down, status, up
from annotation.server_process import known_process
from annotation.tasks import tasks_of
from loop.errors import ServerUnavailable
from tests.annotation.sections import task


def test_starting_again_finds_the_same_server(server: Server) -> None:
    begun = time.monotonic()
    assert up(server.directory) == server
    assert time.monotonic() - begun < 2
    assert status(server.directory).state == "up"


def test_another_port_is_refused_while_it_runs(server: Server) -> None:
    with pytest.raises(ServerUnavailable, match="already runs on another port"):
        up(server.directory, port=1)


def test_it_listens_on_loopback_alone(server: Server) -> None:
    pid = status(server.directory).pid
    assert pid is not None
    listening = [c.laddr for c in psutil.Process(pid).net_connections("tcp") if c.status == psutil.CONN_LISTEN]
    assert [f"http://{address.ip}:{address.port}" for address in listening] == [server.url]


def test_all_its_files_lie_below_the_folder(server: Server) -> None:
    pid = status(server.directory).pid
    assert pid is not None
    process = psutil.Process(pid)
    assert Path(process.cwd()).is_relative_to(server.directory)
    written = [Path(opened.path) for opened in process.open_files() if opened.mode not in ("r", "")]
    assert all(path.is_relative_to(server.directory) for path in written)


def test_secrets_are_for_their_owner_and_in_no_command_line_or_log(server: Server) -> None:
    pid = status(server.directory).pid
    assert pid is not None
    seen = " ".join(psutil.Process(pid).cmdline()) + status(server.directory).log.read_text()
    for path in (server.directory / "secrets" / "password", server.directory / "secrets" / "token"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.read_text().strip() not in seen
    assert stat.S_IMODE((server.directory / "server").stat().st_mode) == 0o700


def test_strangers_can_neither_sign_up_nor_look(server: Server) -> None:
    with httpx.Client(base_url=server.url, follow_redirects=False) as browser:
        browser.get("/user/signup/")
        form = {"email": "a@b.org", "password": "12345678", "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
        answer = browser.post("/user/signup/", data=form, headers={"Referer": server.url})
        assert answer.status_code == 403
        assert browser.get("/api/projects").status_code == 401
        assert browser.get("/data/local-files/?d=sections/x.png").status_code == 401


def test_an_annotator_joins_once_by_invitation(server: Server) -> None:
    account = ensure_account(server, "somebody@proofloop.local")
    assert ensure_account(server, "somebody@proofloop.local") == account
    assert stat.S_IMODE(account.token_file.stat().st_mode) == 0o600
    headers = {"Authorization": f"Token {account.token()}"}
    assert httpx.get(f"{server.url}/api/current-user/whoami", headers=headers).json()["email"] == account.email


def test_a_join_that_was_broken_off_goes_on(server: Server) -> None:
    account = ensure_account(server, "broken@proofloop.local")
    token = account.token()
    account.token_file.unlink()
    assert ensure_account(server, "broken@proofloop.local").token() == token


def test_two_commands_at_once_start_one_server_that_comes_back_after_a_kill_and_leaves_no_orphan(
    tmp_path: Path,
) -> None:
    with ThreadPoolExecutor(2) as commands:
        first, second = commands.map(up, [tmp_path, tmp_path])
    assert first == second
    try:
        (number,) = publish(first, [task(3, 1)])
        pid = status(tmp_path).pid
        assert pid is not None
        os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        assert status(tmp_path).state == "down"
        assert up(tmp_path) == first
        with connect(first) as client:
            project = find_project(client)
            assert project is not None
            assert [held.task_id for held in tasks_of(client, project, 1)] == [number]
        orphan = known_process(tmp_path)
        (tmp_path / "server.json").unlink()  # as if the command had died before it wrote this
        up(tmp_path)
        assert orphan is not None
        assert not orphan.alive
    finally:
        assert down(tmp_path)
    assert status(tmp_path).state == "down"
    assert not down(tmp_path)
    assert not psutil.pid_exists(pid)


def test_a_busy_port_is_refused_and_never_shifted(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServerUnavailable, match=f"port {port}"):
            up(tmp_path, port=port)
    assert status(tmp_path).state == "down"


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_port_that_cannot_be_is_refused(tmp_path: Path, port: int) -> None:
    with pytest.raises(ServerUnavailable, match=f"port {port}"):
        up(tmp_path, port=port)


def test_an_executable_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ServerUnavailable, match="no-such-program"):
        up(tmp_path, executable=tmp_path / "no-such-program")


def test_a_server_that_dies_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    broken = tmp_path / "label-studio"
    broken.write_text("#!/bin/sh\necho '  File \"fire.py\", line 3'\necho the disk is on fire\nexit 3\n")
    broken.chmod(0o755)
    with pytest.raises(ServerUnavailable, match="ends with\nthe disk is on fire"):
        up(tmp_path / "annotation", executable=broken)
    assert status(tmp_path / "annotation").state == "down"


def test_a_recycled_process_id_is_not_taken_for_the_server(tmp_path: Path) -> None:
    remembered = {"port": 5, "pid": os.getpid(), "created_s": 1.0}
    (tmp_path / "server.json").write_text(json.dumps(remembered))
    assert status(tmp_path).state == "down"
    assert not down(tmp_path)


def test_nothing_started_is_down(tmp_path: Path) -> None:
    assert status(tmp_path / "never").state == "down"
    assert not down(tmp_path / "never")
