"""The Label Studio project of a run: who may speak to it, its labelling interface, its place for images."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files as package_files
from typing import Any, Literal

import httpx
from label_studio_sdk.core.api_error import ApiError

from annotation.client import ONCE, LabelStudio, every
from annotation.connection import http_client
from annotation.images import ensure_image_folder
from annotation.server import PROJECT, Server
from loop.errors import InputError, ServerUnavailable

# Names in the labelling interface.
CONTOURS, SECTION, OBJECT = "contours", "section", "Object"
STROKES, CUT, JOIN, UNSURE = "strokes", "Missing membrane", "False membrane", "Unsure"
POINTS, GROW, REMOVE = "points", "Missing axon", "Not an axon"
HELP = "help"
VERDICT, VERDICTS = "verdict", ("Good", "Usable", "Discard")
DOUBTS, LOOK = "doubts", "Look here"
SURE = "Sure outlines"  # a label of the strokes: a control of its own would bring a second brush to the page
# How objects are drawn: outlines of few vertices, outlines to the pixel, or painted.
Drawing = Literal["simplified", "exact", "bitmask", "brush"]
_CONTROLS = {"bitmask": "BitmaskLabels", "brush": "BrushLabels"}
# All pre-annotations carry this version. The server shows only those of the project's own version, so a name that
# changed with every iteration would hide the contours of tasks that are still open from the one before.
PRE_ANNOTATION_VERSION = "pre-annotation"
# Of the list of tasks; what stays says which section, why, and whether it is done.
_HIDDEN_COLUMNS = """
inner_id cancelled_annotations total_predictions annotations_results annotations_ids predictions_score
predictions_model_versions predictions_results file_upload storage_filename created_at updated_at updated_by
avg_lead_time draft_exists data.image data.before data.after data.section_id data.z data.iteration
data.before_title data.after_title data.tile data.picture
"""


def labelling_interface(drawing: Drawing = "simplified") -> str:
    """Give the labelling interface: objects on the target section as they are drawn, its neighbours beside it."""
    text = _text("interface.xml")
    if drawing in _CONTROLS:
        outline = 'strokeWidth="1" pointSize="small" opacity="0.01"'
        text = text.replace("PolygonLabels", _CONTROLS[drawing]).replace(outline, 'opacity="0.4"')
    return text


@contextmanager
def connect(server: Server, token: str | None = None) -> Iterator[LabelStudio]:
    """Give the REST client of the user with `token`, by default the run's own; closed when the block ends.

    Raises
    ------
    ServerUnavailable
        Within the block the server stops answering, or says that the user may not do this.
    """
    try:
        with http_client(server) as http:
            yield LabelStudio(base_url=server.url, api_key=token or server.token(), httpx_client=http)
    except httpx.TransportError as error:
        raise ServerUnavailable(
            "Label Studio does not answer",
            given=f"{server.url}: {error}",
            expected="the run's server",
            fix="start it (the embedded one: proofloop annotator up RUN) and repeat the command: nothing was lost",
        ) from error
    except ApiError as error:
        if error.status_code not in (401, 403):
            raise
        raise ServerUnavailable(
            "Label Studio refuses what the token's user asks",
            given=f"{server.url} answers {error.status_code}: {error.body}",
            expected=f"a user who may work with project {server.project!r}",
            fix="have the user given that right there, or use another user's token, and repeat the command",
        ) from error


def find_project(client: LabelStudio, title: str = PROJECT) -> int | None:
    """Give the id of the project with this title, or None before the first `ensure_project`."""
    projects = every(client.projects.list())
    return next((int(project.id) for project in projects if project.title == title), None)


def ensure_project(client: LabelStudio, server: Server, drawing: Drawing | None = None) -> int:
    """Create the project, or bring it up to date; give its id. Tasks are served in the order of their import.

    Without `drawing` a project keeps the labelling interface that it has.
    """
    settings: dict[str, Any] = {
        "label_config": labelling_interface(drawing or "simplified"),
        "expert_instruction": _text("instruction.html"),
        "show_instruction": True,
        "sampling": "Sequential sampling",
        "model_version": PRE_ANNOTATION_VERSION,
        "show_collab_predictions": True,
        "maximum_annotations": 1,
        "enable_empty_annotation": True,
    }
    project = find_project(client, server.project)
    if project is None:
        project = int(client.projects.create(title=server.project, **settings, request_options=ONCE).id or 0)
    held = client.projects.get(id=project)
    if drawing is None:
        del settings["label_config"]
    changed = {name: value for name, value in settings.items() if getattr(held, name) != value}
    if changed:
        _update(client, project, changed)
    if not client.views.list(project=project):  # the address of a task shows nothing without a view
        hidden = [f"tasks:{name}" for name in _HIDDEN_COLUMNS.split()]
        view: Any = {"title": "All sections", "hiddenColumns": {"explore": hidden, "labeling": hidden}}
        client.views.create(project=project, data=view)
    ensure_image_folder(client, server, project)
    return project


def task_url(server: Server, project: int, task: int) -> str:
    """Give the address of a task for the browser."""
    return f"{server.url}/projects/{project}/data?task={task}"


def _update(client: LabelStudio, project: int, changed: dict[str, Any]) -> None:
    try:
        client.projects.update(project, **changed)
    except ApiError as error:
        raise InputError(
            "Label Studio refuses the project's settings",
            given=error.body,
            expected=f"{', '.join(changed)} as proofloop sets them",
            fix="mend or delete what it names: annotations that do not fit keep the labelling interface from changing",
        ) from error


def _text(name: str) -> str:
    return package_files("annotation").joinpath(name).read_text(encoding="utf-8").strip()  # as the server keeps it
