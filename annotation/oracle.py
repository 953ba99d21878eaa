"""The oracle annotator: corrects tasks from known truth, through the same server and the same API as a person.

For demonstrations, tests and simulations only; what it submits bears its own e-mail address.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from label_studio_sdk import LabelStudio
from numpy.typing import NDArray

from annotation.accounts import ensure_account
from annotation.boundaries import pieces_of
from annotation.contours import Contour, contours_of
from annotation.frame import Frame
from annotation.marks import point_result, stroke_result
from annotation.oracle_marks import MarkRules, marks_towards
from annotation.project import connect, find_project
from annotation.rasterising import paint
from annotation.regions import Region, parse_regions, polygon_region, region_id
from annotation.server import Server
from annotation.spots import is_spot
from annotation.tasks import OpenTask, tasks_of
from loop.errors import InputError
from loop.progress import Progress, silent

EMAIL = "oracle@proofloop.local"


@dataclass(frozen=True)
class OracleRules:
    """How strict the oracle is.

    Attributes
    ----------
    agreement : float
        A contour that overlaps its true object by this intersection over union, or more, is left as it is.
    relation : float
        Down to this overlap a contour is reshaped; below, it is deleted and the object drawn anew.
    smallest_px : int
        True pieces below this size are not drawn: a person would not see them.
    """

    agreement: float = 0.85
    relation: float = 0.3
    smallest_px: int = 16


@dataclass(frozen=True)
class OracleReport:
    """What the oracle did.

    Attributes
    ----------
    submitted : list of int
        Task ids.
    kept, changed, added, deleted : int
        Regions in all tasks.
    marks : int
        Strokes and points.
    seconds : float
    """

    submitted: list[int]
    kept: int
    changed: int
    added: int
    deleted: int
    marks: int
    seconds: float


def annotate(
    server: Server,
    iteration: int,
    truth: Callable[[int], NDArray[np.unsignedinteger]],
    *,
    rules: OracleRules | MarkRules = OracleRules(),
    progress: Progress = silent,
) -> OracleReport:
    """Correct and submit every task of an iteration that has no annotation yet.

    Parameters
    ----------
    server : Server
    iteration : int
    truth : callable
        Gives the true labels (y, x) of section z; 0 is background.
    rules : OracleRules or MarkRules
        By the first it redraws outlines, by the second it leaves them and sets strokes and points.
    progress : Progress
        Counts tasks.

    Returns
    -------
    OracleReport
    """
    begun = time.monotonic()
    totals = np.zeros(5, np.intp)
    submitted: list[int] = []
    # On the lab's own server nobody is invited: what the oracle submits there bears the name of the token's user.
    token = ensure_account(server, EMAIL).token() if server.is_embedded else None
    with connect(server, token) as client:
        project = find_project(client, server.project)
        listed = [] if project is None else tasks_of(client, project, iteration)
        tasks = [task for task in listed if not task.annotations]
        for task in tasks:
            totals += _annotate_one(client, task.task_id, _shown_truth(task, truth(task.z)), rules, z=task.z)
            submitted.append(task.task_id)
            progress(len(submitted), len(tasks), f"section {task.z}")
    kept, changed, added, deleted, marks = totals.tolist()
    return OracleReport(submitted, kept, changed, added, deleted, marks, time.monotonic() - begun)


def _annotate_one(
    client: LabelStudio, task_id: int, truth: NDArray[np.unsignedinteger], rules: OracleRules | MarkRules, *, z: int
) -> tuple[int, int, int, int, int]:
    opened = time.monotonic()
    predictions = client.predictions.list(task=task_id)
    regions = map(dict, predictions[0].result) if predictions else ()
    shown: list[dict[str, Any]] = [region for region in regions if not is_spot(region)]
    if isinstance(rules, MarkRules):
        result, counts = marked(shown, truth, rules, z=z), (len(shown), 0, 0, 0)
    else:
        result, counts = corrected(shown, truth, rules, z=z)
    client.annotations.create(
        task_id,
        result=result,
        lead_time=time.monotonic() - opened,
        parent_prediction=predictions[0].id if predictions else None,
    )
    return *counts, len(result) - counts[0] - counts[1] - counts[2]


def _shown_truth(task: OpenTask, truth: NDArray[np.unsignedinteger]) -> NDArray[np.unsignedinteger]:
    """Give the truth of a task's picture: of a tile, only what lies inside it."""
    if task.tile is None or task.picture is None:
        return truth
    frame = Frame(task.tile, task.picture, (truth.shape[0], truth.shape[1]))
    return frame.clipped(frame.cut(truth))


def marked(
    shown: list[dict[str, Any]], truth: NDArray[np.unsignedinteger], rules: MarkRules, *, z: int
) -> list[dict[str, Any]]:
    """Leave the regions of a task as they are and add strokes and points (see `annotation.oracle_marks`).

    Raises
    ------
    InputError
        The truth has another shape than the published section.
    """
    shape = (truth.shape[0], truth.shape[1])
    _, painted = _as_shown(shown, shape, z)
    marks = marks_towards(painted, truth, rules, seed=z)
    strokes = [stroke_result(stroke.region_id, stroke.label, stroke.mask) for stroke in marks.strokes]
    points = [point_result(point.region_id, point.label, (point.y, point.x), shape) for point in marks.points]
    return [*shown, *strokes, *points]


def corrected(
    shown: list[dict[str, Any]], truth: NDArray[np.unsignedinteger], rules: OracleRules, *, z: int
) -> tuple[list[dict[str, Any]], tuple[int, int, int, int]]:
    """Correct the regions of a task as a person would who knows the truth.

    Returns
    -------
    result : list of dict
        The annotation's regions.
    counts : tuple of int
        Kept, changed, added and deleted regions.

    Raises
    ------
    InputError
        The truth has another shape than the published section.
    """
    shape = (truth.shape[0], truth.shape[1])
    regions, painted = _as_shown(shown, shape, z)
    contours = contours_of(np.asarray(truth, np.uint32))
    overlap, shown_px, true_px = _overlaps(painted, pieces_of(truth), len(regions), len(contours))
    iou = overlap / np.maximum(shown_px[:, None] + true_px[None] - overlap, 1)

    partner = _partners(iou, rules.relation)
    originals = {str(region["id"]): region for region in shown}
    result: list[dict[str, Any]] = []
    kept = changed = 0
    for number, region in enumerate(regions):
        match = partner.get(number)
        if match is None:
            continue
        if iou[number, match] >= rules.agreement:
            kept += 1
            result.append(originals[region.region_id])
        else:
            changed += 1
            result.append(polygon_region(region.region_id, contours[match].points, shape))
    found = set(partner.values())
    missing = [c for number, c in enumerate(contours) if number not in found and true_px[number] >= rules.smallest_px]
    result += [polygon_region(_new_id(z, contour), contour.points, shape) for contour in missing]
    return result, (kept, changed, len(missing), len(regions) - kept - changed)


def _as_shown(shown: list[dict[str, Any]], shape: tuple[int, int], z: int) -> tuple[list[Region], NDArray[np.uint32]]:
    """Read the regions of a task and paint them: region number n has the value n + 1."""
    published = {(region["original_height"], region["original_width"]) for region in shown}
    if published - {shape}:
        raise InputError(
            f"the truth of section {z} does not fit its task",
            given=f"truth of shape {shape}",
            expected=f"the published shape {published.pop()}",
            fix="take image and truth from the same volume",
        )
    regions, _ = parse_regions(shown, shape)
    numbers = np.arange(1, len(regions) + 1, dtype=np.uint32)
    return regions, paint([region.points for region in regions], numbers, shape)


def _new_id(z: int, contour: Contour) -> str:
    return f"drawn-{region_id(z, contour)}"


def _overlaps(
    painted: NDArray[np.uint32], pieces: NDArray[np.int32], shown: int, true: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Give pixels common to each shown region and true piece, and the size of either."""
    pairs = np.bincount(painted.ravel() * np.intp(true + 1) + pieces.ravel(), minlength=(shown + 1) * (true + 1))
    table = pairs.reshape(shown + 1, true + 1)
    return table[1:, 1:], table[1:].sum(axis=1), table[:, 1:].sum(axis=0)


def _partners(iou: NDArray[np.float64], relation: float) -> dict[int, int]:
    """Pair regions and pieces that are each other's best overlap."""
    if not iou.size:
        return {}
    best_piece, best_region = iou.argmax(axis=1), iou.argmax(axis=0)
    return {
        number: int(piece)
        for number, piece in enumerate(best_piece)
        if best_region[piece] == number and iou[number, piece] >= relation
    }
