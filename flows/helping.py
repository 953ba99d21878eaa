"""Label Studio with the prediction service beside it, so that annotators can ask the promoted model."""

import sys

from rich.markup import escape

from annotation.prediction_process import connect_service, start_service
from annotation.server import Server
from flows.labelling_server import server_of
from flows.runs import Run
from flows.terminal import console
from loop.errors import ServerUnavailable
from loop.progress import Progress, silent


def start_with_service(run: Run, *, port: int | None = None, progress: Progress = silent) -> Server:
    """Start both, or find them running; the service failing is told, and keeps nobody from annotating.

    The lab's own server gets no service: it could not reach one on this machine's loopback.
    """
    server = server_of(run, port=port, progress=progress)
    if server.is_embedded:
        command = [sys.executable, "-m", "flows.prediction_service", str(run.folder.root.resolve())]
        try:
            start_service(server.directory, command, port=run.config.annotation.prediction_port)
            connect_service(server)
        except ServerUnavailable as error:
            console.print(escape(str(error)), highlight=False)
    return server
