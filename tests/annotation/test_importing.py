"""Imports whose answer never arrives, through a proxy before a real Label Studio."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from annotation.client import LabelStudio
from annotation.project import ensure_project
from annotation.publish import publish
from annotation.server import Server
from annotation.tasks import tasks_of
from tests.annotation.sections import task

Request = Callable[[], httpx.Response]
Losing = Callable[["Proxy", Request], None]


class Proxy(BaseHTTPRequestHandler):
    """Hands every request on; the first import's answer is lost as `losing` says."""

    server_url = ""
    losing: Losing
    lost: threading.Event

    def do_GET(self) -> None:
        """Hand on what asks."""
        self._hand_on()

    def do_POST(self) -> None:
        """Hand on what changes something."""
        self._hand_on()

    def do_PATCH(self) -> None:
        """Hand on what mends something."""
        self._hand_on()

    def _hand_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}

        def request() -> httpx.Response:
            return httpx.request(
                self.command, self.server_url + self.path, headers=headers, content=body, timeout=60, trust_env=False
            )

        if self.path.split("?")[0].endswith("/import") and not self.lost.is_set():
            self.lost.set()
            type(self).losing(self, request)
            return
        found = request()
        self.answer(found.status_code, found.headers.get("content-type", ""), found.content)

    def answer(self, status: int, kind: str, content: bytes) -> None:
        """Answer, and hang up."""
        self.send_response(status)
        for name, value in (("Content-Type", kind), ("Content-Length", str(len(content))), ("Connection", "close")):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = True

    def hang_up(self) -> None:
        """Close the line without a word."""
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Keep quiet."""


def dropped(proxy: Proxy, request: Request) -> None:
    """Let the import through and drop the line."""
    request()
    proxy.hang_up()


def gateway_error(proxy: Proxy, request: Request) -> None:
    """Let the import through and answer like a proxy that lost patience."""
    request()
    proxy.answer(504, "text/html", b"Gateway Time-out")


def still_at_work(proxy: Proxy, request: Request) -> None:
    """Drop the line first: the server has nothing yet when it is asked what it has."""
    proxy.hang_up()
    threading.Event().wait(1)
    request()


@contextmanager
def proxied(server: Server, losing: Losing) -> Iterator[tuple[Server, threading.Event]]:
    lost = threading.Event()
    handler = type("Losing", (Proxy,), {"server_url": server.url, "losing": staticmethod(losing), "lost": lost})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        yield replace(server, url=f"http://127.0.0.1:{web.server_address[1]}"), lost
        web.shutdown()


@pytest.mark.parametrize(("losing", "iteration"), [(dropped, 90), (gateway_error, 91), (still_at_work, 92)])
def test_an_import_whose_answer_is_lost_is_not_sent_twice(
    server: Server, client: LabelStudio, losing: Losing, iteration: int
) -> None:
    with proxied(server, losing) as (behind, lost):
        numbers = publish(behind, [task(z, iteration) for z in (1, 2)])
    assert lost.is_set()
    held = tasks_of(client, ensure_project(client, server), iteration)
    assert [(one.task_id, one.z) for one in held] == list(zip(numbers, (1, 2), strict=True))
    assert all(len(list(client.predictions.list(task=number))) == 1 for number in numbers)
