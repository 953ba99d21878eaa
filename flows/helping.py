"""Label Studio with the prediction service beside it, so that annotators can ask the promoted model."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.markup import escape

from annotation.prediction_process import connect_service, service_url, start_service, stop_service
from annotation.server import Server, finish_restore
from flows.labelling_server import server_of
from flows.runs import Run
from flows.terminal import console
from loop.errors import ServerUnavailable
from loop.progress import Progress, silent


def start_with_service(run: Run, *, port: int | None = None, progress: Progress = silent) -> Server:
    """Start both, or find them running; the service failing is told, and keeps nobody from annotating.

    The lab's own server gets no service: it could not reach one on this machine's loopback.
    """
    if run.config.annotation.server.url:
        return server_of(run)
    command = [sys.executable, "-m", "flows.prediction_service", str(run.folder.root.resolve())]
    folder = run.folder.annotation.resolve()
    finish_restore(folder)
    ran_before = service_url(folder) is not None
    with _told():
        start_service(folder, command, port=run.config.annotation.prediction_port)  # it comes up while the server does
    try:
        server = server_of(run, port=port, progress=progress)
    except BaseException:
        if not ran_before:
            stop_service(folder)
        raise
    with _told():
        connect_service(server)
    return server


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except ServerUnavailable as error:
        console.print(escape(str(error)), highlight=False)
