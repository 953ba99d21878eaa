"""Label Studio's webhook: it wakes whoever waits for annotators, and is trusted with nothing else.

Polling is the truth. A call that never comes, comes twice or comes from a stranger changes at most when the next look
is taken.
"""

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from label_studio_sdk import Webhook
from label_studio_sdk.core.api_error import ApiError

from annotation.client import LabelStudio
from annotation.ports import HOST
from annotation.project import connect, find_project
from annotation.server import Server
from loop.errors import InputError

HEADER = "X-Proofloop-Secret"
_ACTIONS = ("ANNOTATION_CREATED", "ANNOTATION_UPDATED", "ANNOTATIONS_DELETED")
_PATH = "/proofloop/look"
_LARGEST_BODY = 1 << 20


@contextmanager
def waking(server: Server) -> Iterator[threading.Event]:
    """Give an event that is set when an annotation was submitted, changed or deleted; the receiver ends with the block.

    Parameters
    ----------
    server : Server
        The embedded one calls; the lab's own server, which may stand elsewhere, is only polled and the event is never
        set. The same holds before anything is published.
    """
    event = threading.Event()
    if not server.is_embedded:
        yield event
        return
    secret = secrets.token_urlsafe(24)
    with ThreadingHTTPServer((HOST, 0), _handler(event, secret)) as receiver:
        thread = threading.Thread(target=receiver.serve_forever, name="webhook", daemon=True)
        thread.start()
        registered = _register(server, f"http://{HOST}:{receiver.server_address[1]}{_PATH}", secret)
        try:
            yield event
        finally:
            _withdraw(server, registered)
            receiver.shutdown()


def _handler(event: threading.Event, secret: str) -> type[BaseHTTPRequestHandler]:
    class Receiver(BaseHTTPRequestHandler):
        timeout = 5

        def do_POST(self) -> None:
            """Set the event for whoever knows the secret; the body is not even read as JSON."""
            known = secrets.compare_digest(self.headers.get(HEADER, "").encode(), secret.encode())
            length = self.headers.get("Content-Length", "0")
            if known and self.path == _PATH and length.isdigit() and int(length) <= _LARGEST_BODY:
                self.rfile.read(int(length))
                event.set()
                self.send_response(204)
            else:
                self.send_response(403)
                self.close_connection = True
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Keep the terminal clean."""

    return Receiver


def _register(server: Server, url: str, secret: str) -> int | None:
    """Have the server call `url`, instead of receivers that were killed; a refusal only means that nothing wakes."""
    with connect(server) as client:
        project = find_project(client, server.project)
        if project is None:
            return None
        _forget(client, project)
        try:
            made: Webhook = client.webhooks.create(
                url=url,
                project=project,
                headers={HEADER: secret},
                actions=list(_ACTIONS),
                send_for_all_actions=False,
                send_payload=False,
            )
        except ApiError:
            return None
        return made.id


def _withdraw(server: Server, registered: int | None) -> None:
    if registered is None:
        return
    try:
        with connect(server) as client:
            client.webhooks.delete(registered)
    except (InputError, ApiError):
        return  # the server is down or another waiter replaced ours: the next one clears up


def _forget(client: LabelStudio, project: int) -> None:
    for hook in client.webhooks.list(project=str(project)):
        if str(hook.url).endswith(_PATH) and hook.id is not None:
            client.webhooks.delete(hook.id)
