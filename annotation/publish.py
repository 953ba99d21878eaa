"""Sections and tiles as tasks: images, contours to edit, why they were chosen; each of an iteration once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from label_studio_sdk.label_interface.interface import LabelInterface
from numpy.typing import NDArray

from annotation import published
from annotation.client import LabelStudio
from annotation.correction import PreAnnotation
from annotation.frame import Frame
from annotation.images import image_project, show
from annotation.importing import import_once
from annotation.marks import parse_marks
from annotation.painted import parse_painted
from annotation.preparing import STYLE, Style, prepared
from annotation.project import PRE_ANNOTATION_VERSION, connect, ensure_project, labelling_interface
from annotation.regions import parse_regions
from annotation.server import Server
from annotation.spots import spot_region
from annotation.tasks import OpenTask, tasks_of
from loop.doubts import Spot
from loop.errors import InputError
from loop.places import Place
from loop.progress import Progress, silent

_IMPORT_AT_ONCE = 20  # tasks in one request, about 3 MB


@dataclass(frozen=True)
class SectionTask:
    """A section, or a tile of it (`annotation.tile`), chosen for proofreading; arrays are those of its picture.

    Attributes
    ----------
    z, iteration : int
    image : (y, x) uint8
    before, after : (y, x) uint8 or None
        Sections z - 1 and z + 1 for context; None at the ends of the volume.
    labels : (y, x) unsigned integer
        The pre-annotation; 0 is background.
    reason : str
        Why this section was chosen, for the annotator.
    score : float
        What the ranking gave it.
    membrane : (y, x) float32, optional
        The model's membrane probability; strokes and points find the exact borders by it.
    spots : sequence of Spot
        Where the model is most unsure: circled, in pixels of the section.
    frame : Frame, optional
        Where the picture of a tile lies in its section; None for a whole section.
    """

    z: int
    iteration: int
    image: NDArray[np.uint8] = field(compare=False)
    before: NDArray[np.uint8] | None = field(compare=False)
    after: NDArray[np.uint8] | None = field(compare=False)
    labels: NDArray[np.unsignedinteger] = field(compare=False)
    reason: str
    score: float
    membrane: NDArray[np.float32] | None = field(default=None, compare=False)
    spots: Sequence[Spot] = ()
    frame: Frame | None = None

    @property
    def place(self) -> Place:
        """What it asks for."""
        return Place(self.z, self.frame.tile if self.frame else None)

    @property
    def section_id(self) -> str:
        """The name by which the server knows this section, or tile, of this iteration."""
        return published.section_id(self.z, self.iteration, self.place.tile)


def publish(
    server: Server,
    tasks: Sequence[SectionTask],
    *,
    style: Style = STYLE,
    progress: Progress = silent,
) -> list[int]:
    """Put sections or tiles before the annotators, in the order given.

    What the server already has is left alone, also after a crash between import and our own record of it; where the
    answer to an import is lost, the server is asked what it has before anything is sent again.

    Parameters
    ----------
    server : Server
    tasks : sequence of SectionTask
        Best first: they are served in this order.
    style : Style
        How objects are shown.
    progress : Progress
        Counts tasks.

    Returns
    -------
    list of int
        The server's task ids, in the order of `tasks`.

    Raises
    ------
    InputError
        Image and labels differ in shape, a section or tile stands twice in `tasks`, or a contour does not fit the
        labelling interface; nothing is published then.
    """
    _check(tasks)
    with connect(server) as client:
        project = ensure_project(client, server, style.drawing)
        gallery = image_project(client, server, project)
        on_server = _by_section(client, project, tasks)
        fresh = [task for task in tasks if task.section_id not in on_server]
        interface = LabelInterface(labelling_interface(style.drawing))
        for start in range(0, len(fresh), _IMPORT_AT_ONCE):
            batch: list[Any] = []
            for task in fresh[start : start + _IMPORT_AT_ONCE]:
                batch.append(_prepared(server, gallery, task, interface, style=style))
                progress(start + len(batch), len(fresh), f"section {task.z}")
            import_once(client, project, batch, lambda: _by_section(client, project, tasks))
        if fresh:
            on_server = _by_section(client, project, tasks)
    return [on_server[task.section_id].task_id for task in tasks]


def _by_section(client: LabelStudio, project: int, tasks: Sequence[SectionTask]) -> dict[str, OpenTask]:
    iterations = sorted({task.iteration for task in tasks})
    return {task.section_id: task for iteration in iterations for task in tasks_of(client, project, iteration)}


def _check(tasks: Sequence[SectionTask]) -> None:
    seen: set[str] = set()
    for task in tasks:
        images = [image for image in (task.image, task.before, task.after) if image is not None]
        shapes = {layer.shape for layer in (task.image, task.labels, task.membrane) if layer is not None}
        if len(shapes) > 1 or any(image.dtype != np.uint8 or image.ndim != 2 for image in images):
            raise InputError(
                f"section {task.z} cannot be published",
                given=f"image {task.image.dtype} {task.image.shape}, labels {task.labels.shape}"
                + (f", membrane {task.membrane.shape}" if task.membrane is not None else ""),
                expected="uint8 images (y, x), labels and membrane of the same shape",
                fix="take both from the same volume",
            )
        if task.section_id in seen:
            raise InputError(
                f"section {task.z} is to be published twice",
                given=f"two tasks for section {task.z} of iteration {task.iteration}",
                expected="each section or tile once per iteration",
                fix="leave one out",
            )
        seen.add(task.section_id)


def _prepared(
    server: Server,
    gallery: int,
    task: SectionTask,
    interface: LabelInterface,
    *,
    style: Style,
) -> dict[str, object]:
    """Write the images and the kept pixels of a task; give what is imported."""
    labels = np.asarray(task.labels, np.uint32)
    made = prepared(labels, task.membrane, style, z=task.z, frame=task.frame)
    corner = (task.frame.picture.y_px, task.frame.picture.x_px) if task.frame else (0, 0)
    shape = (labels.shape[0], labels.shape[1])
    spots = [spot_region(f"doubt-{number}", spot, corner, shape) for number, spot in enumerate(task.spots, start=1)]
    result = [*made.layer, *spots, *made.outlines]
    prediction = {"model_version": PRE_ANNOTATION_VERSION, "score": task.score, "result": result}
    _validate(made.before, prediction, interface)
    published.store(server.directory, task.iteration, made.before)
    return {"data": _data(server, gallery, task), "predictions": [prediction]}


def _validate(before: PreAnnotation, prediction: Mapping[str, object], interface: LabelInterface) -> None:
    """Check what the server would accept unseen; its own check misses empty outlines."""
    shape = (before.labels.shape[0], before.labels.shape[1])
    _, spoilt, others = parse_painted(prediction["result"], before)
    _, unreadable, outlines = parse_marks(others, shape)
    _, faults = parse_regions(outlines, shape)
    problems = [f"{name}: {reason}" for name, reason in [*spoilt, *unreadable, *faults]]
    problems += interface.validate_prediction(dict(prediction), return_errors=True) or []
    if problems:
        raise InputError(
            f"the pre-annotation of section {before.z} does not fit the labelling interface",
            given="; ".join(problems[:5]),
            expected="closed polygons labelled as the interface has it",
            fix="report this: contours are made by proofloop itself",
        )


def _data(server: Server, gallery: int, task: SectionTask) -> dict[str, object]:
    shown = {"image": task.image, "before": task.before, "after": task.after}
    nothing = np.full((64, 64), 32, np.uint8)
    folder, _, place = task.section_id.partition("-")
    addresses = {
        name: show(server, gallery, f"{folder}/{place}-{name}.png", nothing if image is None else image)
        for name, image in shown.items()
    }
    return addresses | {
        "section_id": task.section_id,
        "z": task.z,
        "iteration": task.iteration,
        "tile": list(task.frame.tile) if task.frame else None,
        "picture": list(task.frame.picture) if task.frame else None,
        "title": f"Section {task.z}, iteration {task.iteration}" + (_where(task.frame) if task.frame else ""),
        "reason": task.reason,
        "before_title": f"Section {task.z - 1} (before)" if task.before is not None else "No section before",
        "after_title": f"Section {task.z + 1} (after)" if task.after is not None else "No section after",
    }


def _where(frame: Frame) -> str:
    """Say which part of the section a tile is."""
    rows, columns = frame.tile.window
    return f": rows {rows.start} to {rows.stop - 1}, columns {columns.start} to {columns.stop - 1}, the bright part"
