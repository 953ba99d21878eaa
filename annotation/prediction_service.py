"""Help while annotating, by Label Studio's ML backend contract: fresh outlines of a task, or of one clicked object.

What is predicted, and how objects are found in it, is handed in: this module speaks the contract alone. It listens on
loopback and answers only those who know the password, by HTTP's basic authentication.
"""

import base64
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import expand_labels

from annotation.boundaries import pieces_of
from annotation.contours import contours_of
from annotation.correction import PreAnnotation
from annotation.frame import Frame
from annotation.growing import GrowthRules, grow
from annotation.ports import HOST
from annotation.preparing import STYLE, Style, prepared
from annotation.project import HELP
from loop.errors import InputError
from loop.labels import section_hash
from loop.places import Tile

USER = "label-studio"
_LARGEST_BODY = 64 << 20
_NEAR_PX = 3  # a click this near to an object means it


@dataclass(frozen=True)
class Helper:
    """What the service can ask of a run.

    Attributes
    ----------
    version : callable
        Names the promoted model.
    membrane_of : callable
        Gives the model's membrane probability (y, x) float32 of section z; raises InputError where there is none.
    objects_of : callable
        Gives the objects (y, x) uint32 in a membrane probability, 0 between them.
    model_sha256 : callable
        Gives the hash of the promoted model.
    keep : callable
        Keeps a pre-annotation of an iteration's task, so that ingest knows what an answer began with.
    style : Style
        How objects are shown: as the run publishes them.
    """

    version: Callable[[], str]
    membrane_of: Callable[[int], NDArray[np.float32]]
    objects_of: Callable[[NDArray[np.float32]], NDArray[np.uint32]]
    model_sha256: Callable[[], str]
    keep: Callable[[int, PreAnnotation], object]
    style: Style = STYLE


def answer(helper: Helper, path: str, request: Mapping[str, Any]) -> dict[str, Any] | None:
    """Answer one request of Label Studio.

    Parameters
    ----------
    helper : Helper
    path : str
        Of the request's address.
    request : mapping
        Its JSON.

    Returns
    -------
    dict or None
        The answer's JSON; None for a path that the contract does not have.

    Raises
    ------
    InputError
        A task is not proofloop's, its section is not predicted, or nothing is under the click.
    """
    match path.rstrip("/"):
        case "/health":
            return {"status": "UP", "model_class": "proofloop"}
        case "/versions":
            return {"versions": [helper.version()]}
        case "/setup":
            return {"model_version": helper.version()}
        case "/webhook":
            return {"status": "polling is the truth"}
        case "/predict":
            clicks = _clicks(request.get("params"))
            return {"results": [_predicted(helper, task, clicks) for task in request["tasks"]]}
        case _:
            return None


def serve(helper: Helper, *, port: int, password: str) -> None:
    """Listen until the process ends."""
    with ThreadingHTTPServer((HOST, port), handler_of(helper, password)) as service:
        service.serve_forever()


def basic_credentials(password: str) -> str:
    """Give the header by which Label Studio shows that it may ask."""
    return "Basic " + base64.b64encode(f"{USER}:{password}".encode()).decode()


def _predicted(helper: Helper, task: Mapping[str, Any], clicks: Sequence[tuple[float, float]]) -> dict[str, Any]:
    data = task.get("data") or {}
    z, iteration = data.get("z"), data.get("iteration")
    if not isinstance(z, int) or not isinstance(iteration, int):
        raise InputError(
            "the task is not proofloop's", given=sorted(data), expected="a task with a section", fix="ask in another"
        )
    membrane = helper.membrane_of(z)
    objects = helper.objects_of(membrane)
    frame = None
    if data.get("tile"):
        frame = Frame(Tile(*data["tile"]), Tile(*data["picture"]), (membrane.shape[0], membrane.shape[1]))
        membrane, objects = frame.cut(membrane), frame.clipped(frame.cut(objects))
    if clicks:
        result = _clicked(helper.style, membrane, objects, clicks[-1])
    else:
        version = helper.model_sha256()[:8] + section_hash(objects)[:8]
        made = prepared(objects, membrane, helper.style, z=z, frame=frame, version=version)
        helper.keep(iteration, made.before)
        result = [*made.layer, *made.outlines]
    return {"result": result, "model_version": helper.version()}


def _clicked(
    style: Style, membrane: NDArray[np.float32], objects: NDArray[np.uint32], click: tuple[float, float]
) -> list[dict[str, Any]]:
    """Give the object under a click, per cent x, y."""
    height, width = objects.shape
    at = min(int(click[1] / 100 * height), height - 1), min(int(click[0] / 100 * width), width - 1)
    wanted = _object_at(membrane, objects, at)
    serial = secrets.token_hex(3)  # asked twice, the second answer's regions are others
    return [
        style.region(f"help-{serial}-o{contour.object_id}-p{contour.piece}", contour, wanted > 0)
        for contour in contours_of(wanted, style.detail)
    ]


def _object_at(membrane: NDArray[np.float32], objects: NDArray[np.uint32], at: tuple[int, int]) -> NDArray[np.uint32]:
    """Give the object under a click alone; where the click hit a wall, what grows from the nearest inside."""
    number = expand_labels(objects, _NEAR_PX)[at]
    if number:
        pieces = np.where(objects == number, pieces_of(objects), 0)
        return np.asarray(pieces == expand_labels(pieces, _NEAR_PX)[at], np.uint32)
    with_new, (refusal,) = grow(objects, membrane, [at], GrowthRules(), barrier=np.zeros(objects.shape, np.bool_))
    if refusal:
        raise InputError(
            "nothing grows there",
            given=f"row {at[0]}, column {at[1]}: {refusal}",
            expected="a click into an object",
            fix="click into its middle, or draw it",
        )
    return np.where(objects == 0, with_new, 0).astype(np.uint32)


def _clicks(params: object) -> list[tuple[float, float]]:
    """Read the key points of an interactive request, per cent x, y; none asks for the whole picture."""
    context = params.get("context") if isinstance(params, dict) else None
    drawn = context.get("result") if isinstance(context, dict) else None
    return [
        (float(region["value"]["x"]), float(region["value"]["y"]))
        for region in drawn or ()
        if region.get("type") == "keypointlabels" and region.get("from_name") == HELP
    ]


def handler_of(helper: Helper, password: str) -> type[BaseHTTPRequestHandler]:
    """Make the handler of requests that come with `password`."""
    expected = basic_credentials(password).encode()

    class Handler(BaseHTTPRequestHandler):
        timeout = 30

        def do_GET(self) -> None:
            """Answer what needs no body."""
            self._reply({})

        def do_POST(self) -> None:
            """Answer what comes with JSON."""
            length = self.headers.get("Content-Length", "")
            if not self._known() or not length.isdigit() or int(length) > _LARGEST_BODY:
                self._send(401 if not self._known() else 413, {"error": "refused"})
                return
            try:
                request = json.loads(self.rfile.read(int(length)))
            except ValueError:
                request = None
            if isinstance(request, dict):
                self._reply(request)
            else:
                self._send(400, {"error": "that is no JSON object"})

        def _known(self) -> bool:
            return secrets.compare_digest(self.headers.get("Authorization", "").encode(), expected)

        def _reply(self, request: Mapping[str, Any]) -> None:
            if not self._known():
                self._send(401, {"error": "refused"})
                return
            try:
                found = answer(helper, self.path, request)
            except InputError as error:
                self._send(422, {"error": str(error)})
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                self._send(400, {"error": f"the request cannot be understood: {error!r}"})
            else:
                self._send(404 if found is None else 200, found or {"error": "no such path"})

        def _send(self, status: int, content: Mapping[str, Any]) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            if status in (401, 413):
                self.send_header("Connection", "close")
                self.close_connection = True
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Keep quiet: what is asked stands in Label Studio's log."""

    return Handler
