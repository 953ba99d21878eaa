"""The oracle annotator: corrects tasks from known truth, through the same server and the same API as a person.

For demonstrations, tests and simulations only; what it submits bears its own e-mail address.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation import published
from annotation.accounts import ensure_account
from annotation.boundaries import pieces_of
from annotation.client import ONCE, LabelStudio
from annotation.contours import Contour, contours_of
from annotation.frame import Frame
from annotation.layer import is_layer, layer_of, redrawn
from annotation.marks import Point, point_result, stroke_result
from annotation.oracle_marks import MarkRules, marks_towards, removals
from annotation.project import CONTOURS, connect, find_project
from annotation.rasterising import paint
from annotation.regions import Region, parse_regions, polygon_region, region_id
from annotation.server import Server
from annotation.spots import is_spot
from annotation.tasks import OpenTask, tasks_of
from loop.annotators import ORACLE
from loop.errors import InputError
from loop.progress import Progress, silent

EMAIL = ORACLE


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
            before = published.load(server.directory, task.z, iteration, tile=task.tile)
            layer = layer_of(pieces_of(before.labels), before.layered)
            totals += _annotate_one(client, task, _shown_truth(task, truth(task.z)), rules, layer=layer)
            submitted.append(task.task_id)
            progress(len(submitted), len(tasks), f"section {task.z}")
    kept, changed, added, deleted, marks = totals.tolist()
    return OracleReport(submitted, kept, changed, added, deleted, marks, time.monotonic() - begun)


def _annotate_one(
    client: LabelStudio,
    task: OpenTask,
    truth: NDArray[np.unsignedinteger],
    rules: OracleRules | MarkRules,
    *,
    layer: NDArray[np.int32],
) -> tuple[int, int, int, int, int]:
    opened = time.monotonic()
    predictions = client.predictions.list(task=task.task_id)
    regions = map(dict, predictions[0].result) if predictions else ()
    shown: list[dict[str, Any]] = [region for region in regions if not is_spot(region) and not is_layer(region)]
    if isinstance(rules, MarkRules):
        result = marked(shown, truth, rules, z=task.z, layer=layer)
        counts = (len(shown) + len(np.unique(layer[layer > 0])), 0, 0, 0)
    else:
        result, counts = corrected(shown, truth, rules, z=task.z, layer=layer)
    client.annotations.create(
        task.task_id,
        result=result,
        lead_time=time.monotonic() - opened,
        parent_prediction=predictions[0].id if predictions else None,
        request_options=ONCE,
    )
    return *counts, sum(region["from_name"] != CONTOURS for region in result)


def _shown_truth(task: OpenTask, truth: NDArray[np.unsignedinteger]) -> NDArray[np.unsignedinteger]:
    """Give the truth of a task's picture: of a tile, only what lies inside it."""
    if task.tile is None or task.picture is None:
        return truth
    frame = Frame(task.tile, task.picture, (truth.shape[0], truth.shape[1]))
    return frame.clipped(frame.cut(truth))


def marked(
    shown: list[dict[str, Any]],
    truth: NDArray[np.unsignedinteger],
    rules: MarkRules,
    *,
    z: int,
    layer: NDArray[np.int32],
) -> list[dict[str, Any]]:
    """Leave the regions of a task as they are and add strokes and points (see `annotation.oracle_marks`).

    `layer` has the objects whose outlines are shown in one picture (`annotation.layer.layer_of`).

    Raises
    ------
    InputError
        The truth has another shape than the published section.
    """
    shape = (truth.shape[0], truth.shape[1])
    _, _, painted = _as_shown(shown, layer, shape, z=z)
    marks = marks_towards(painted, truth, rules, seed=z)
    strokes = [stroke_result(stroke.region_id, stroke.label, stroke.mask) for stroke in marks.strokes]
    points = [point_result(point.region_id, point.label, (point.y, point.x), shape) for point in marks.points]
    return [*shown, *strokes, *points]


def corrected(
    shown: list[dict[str, Any]],
    truth: NDArray[np.unsignedinteger],
    rules: OracleRules,
    *,
    z: int,
    layer: NDArray[np.int32],
) -> tuple[list[dict[str, Any]], tuple[int, int, int, int]]:
    """Correct the regions of a task as a person would who knows the truth.

    An object of the `layer` (`annotation.layer.layer_of`) has no outline to be dragged: a wrong one is drawn anew, and
    what nothing is drawn over is removed by a point.

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
    regions, layered, painted = _as_shown(shown, layer, shape, z=z)
    contours = contours_of(np.asarray(truth, np.uint32))
    overlap, shown_px, true_px = _overlaps(painted, pieces_of(truth), len(regions) + len(layered), len(contours))
    iou = overlap / np.maximum(shown_px[:, None] + true_px[None] - overlap, 1)

    partner = {
        number: match
        for number, match in _partners(iou, rules.relation).items()
        if number < len(regions) or iou[number, match] >= rules.agreement
    }
    originals = {str(region["id"]): region for region in shown}
    result: list[dict[str, Any]] = []
    drawn: list[NDArray[np.float64]] = []
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
            drawn.append(contours[match].points)
            result.append(polygon_region(region.region_id, contours[match].points, shape))
    found = set(partner.values())
    missing = [c for number, c in enumerate(contours) if number not in found and true_px[number] >= rules.smallest_px]
    result += [polygon_region(_new_id(z, contour), contour.points, shape) for contour in missing]
    right = [number - len(regions) for number in partner if number >= len(regions)]
    drawn += [contour.points for contour in missing]
    covered = paint(drawn, np.ones(len(drawn), np.uint32), shape) > 0
    points, anew = _cleared(layer, layered[right], covered, rules)
    result += [point_result(point.region_id, point.label, (point.y, point.x), shape) for point in points]
    return result, (kept + len(right), changed, len(missing), len(regions) - kept - changed + anew)


def _cleared(
    layer: NDArray[np.int32], right: NDArray[np.int32], drawn: NDArray[np.bool_], rules: OracleRules
) -> tuple[list[Point], int]:
    """Give points on what is left of a layer's wrong objects, and how many of its objects were drawn anew."""
    anew = redrawn(layer, np.flatnonzero(drawn))
    settled = drawn | np.isin(layer, [*right, *(number + 1 for number in anew)])
    left = pieces_of(np.where(settled, 0, layer))
    return removals(left, np.flatnonzero(np.bincount(left.ravel())[1:] >= rules.smallest_px) + 1), len(anew)


def _as_shown(
    shown: list[dict[str, Any]], layer: NDArray[np.int32], shape: tuple[int, int], *, z: int
) -> tuple[list[Region], NDArray[np.int32], NDArray[np.uint32]]:
    """Read the regions of a task and paint them: region number n has the value n + 1, the layer's objects follow.

    Between the two stand the numbers of the layer's objects in `layer`.
    """
    sizes = {(region["original_height"], region["original_width"]) for region in shown} | {layer.shape}
    if sizes - {shape}:
        raise InputError(
            f"the truth of section {z} does not fit its task",
            given=f"truth of shape {shape}",
            expected=f"the published shape {(sizes - {shape}).pop()}",
            fix="take image and truth from the same volume",
        )
    regions, _ = parse_regions(shown, shape)
    numbers = np.arange(1, len(regions) + 1, dtype=np.uint32)
    painted = paint([region.points for region in regions], numbers, shape)
    layered = np.unique(layer[layer > 0])
    above = (np.searchsorted(layered, layer) + len(regions) + 1).astype(np.uint32)
    return regions, layered, np.where(layer > 0, above, painted)


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
