"""What the server holds: tasks of an iteration, and what changed since the last look."""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from label_studio_sdk.errors import NotFoundError

from annotation.client import LabelStudio, every
from loop.places import Tile

_DATED_LATE = timedelta(minutes=5)
# A change is dated before it is visible, so a look begins a little before the last one did.
_OVERLAP = timedelta(minutes=1)
_PAGE = 1000  # tasks
_Condition = tuple[str, str, str, Any]


@dataclass(frozen=True)
class OpenTask:
    """A task on the server.

    Attributes
    ----------
    task_id : int
    section_id : str
    z, iteration : int
    annotations : int
        Submitted ones, skipped ones not counted.
    tile, picture : Tile or None
        The tile to be corrected and what is shown around it; None for a whole section.
    """

    task_id: int
    section_id: str
    z: int
    iteration: int
    annotations: int
    tile: Tile | None = None
    picture: Tile | None = None


@dataclass(frozen=True)
class ChangedTask:
    """A task that was published, annotated or edited since the last look.

    Attributes
    ----------
    task_id : int
    section : (z, iteration) or None
        None for a task that proofloop did not publish.
    annotation_ids : list of int
    updated_at : datetime
    tile : Tile or None
        None for a whole section.
    """

    task_id: int
    section: tuple[int, int] | None
    annotation_ids: list[int]
    updated_at: datetime
    tile: Tile | None = None


@dataclass(frozen=True)
class Annotation:
    """An annotation as the server holds it.

    Attributes
    ----------
    annotation_id, annotator_id : int
    updated_at : datetime
    lead_time_s : float
        As the server counts it.
    drafted : bool
        A draft was saved before it was submitted.
    skipped : bool
    result : object
        Not checked in any way.
    """

    annotation_id: int
    annotator_id: int
    updated_at: datetime
    lead_time_s: float
    drafted: bool
    skipped: bool
    result: object


def tasks_of(client: LabelStudio, project: int, iteration: int) -> list[OpenTask]:
    """List the tasks of an iteration in the order in which they are served."""
    query = _query([("data.iteration", "equal", "Number", iteration)])
    listed = every(
        client.tasks.list(project=project, query=query, fields="task_only", include=["id", "data", "total_annotations"])
    )
    found = [
        OpenTask(
            task_id=int(task.id),
            section_id=str(task.data["section_id"]),
            z=int(task.data["z"]),
            iteration=int(task.data["iteration"]),
            annotations=int(task.total_annotations or 0),
            tile=_tile(task.data.get("tile")),
            picture=_tile(task.data.get("picture")),
        )
        for task in listed
    ]
    return sorted(found, key=lambda task: task.task_id)


def changed_since(
    client: LabelStudio, project: int, since: datetime | None, *, unanswered: Collection[int] = ()
) -> list[ChangedTask]:
    """List the tasks that people changed after `since`, oldest change first; without it, those that have annotations.

    What we imported and nobody touched is not listed, however much it is. Tasks of which no answer was seen so far,
    `unanswered`, are listed as soon as they have one, whatever date it bears: the server's clock may have been wrong.
    """
    answered, skipped = (
        ("total_annotations", "greater", "Number", 0),
        ("cancelled_annotations", "greater", "Number", 0),
    )
    queries = [[answered], [skipped]]
    if since is not None:
        changed = _dated("updated_at", "greater", since - _OVERLAP)
        # Annotations that are gone, of tasks older than what was seen: in younger ones none was seen. No overlap here,
        # or fresh imports would be listed.
        gone: list[_Condition] = [(name, "equal", "Number", 0) for name, *_ in (answered, skipped)]
        gone += [_dated("updated_at", "greater", since), _dated("created_at", "less", since)]
        queries = [[changed, answered], [changed, skipped], gone]
        if unanswered:
            queries.append([_among(unanswered), answered])
    found: dict[int, ChangedTask] = {}  # a task may stand on two pages when others change meanwhile
    for task in (task for query in queries for task in _listed(client, project, query)):
        z, iteration = task.data.get("z"), task.data.get("iteration")
        ours = isinstance(z, int) and isinstance(iteration, int)
        found[int(task.id)] = ChangedTask(
            task_id=int(task.id),
            section=(z, iteration) if ours else None,
            annotation_ids=[_field(annotation, "id") for annotation in task.annotations or ()],
            updated_at=_moment(task.updated_at),
            tile=_tile(task.data.get("tile")),
        )
    return sorted(found.values(), key=lambda task: task.updated_at)


def _listed(client: LabelStudio, project: int, conditions: list[_Condition]) -> Iterable[Any]:
    return every(
        client.tasks.list(
            project=project,
            query=_query(conditions),
            fields="all",
            include=["id", "data", "updated_at", "annotations"],
            page_size=_PAGE,
        )
    )


def _dated(column: str, operator: str, moment: datetime) -> _Condition:
    return column, operator, "Datetime", moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _among(tasks: Collection[int]) -> _Condition:
    return "id", "in_list", "List", sorted(tasks)


def missing_of(client: LabelStudio, project: int, tasks: Collection[int]) -> list[int]:
    """Give those of `tasks` that are not on the server."""
    if not tasks:
        return []
    query = _query([_among(tasks)])
    held = every(client.tasks.list(project=project, query=query, fields="task_only", include=["id"]))
    return sorted(set(tasks) - {int(task.id) for task in held})


def begins_at(since: datetime | None, *, now: datetime) -> datetime | None:
    """Say where a look begins: where the last one ended, or at the very start if the server's clock was set back."""
    return None if since is not None and since > now + _DATED_LATE else since


def seen_until(changes: Iterable[datetime], since: datetime | None, *, now: datetime) -> datetime | None:
    """Say where the next look begins: no change may be passed over, and a burst of them is not read again for ever.

    Parameters
    ----------
    changes : iterable of datetime
        When each task that was looked at changed, by the server's clock.
    since : datetime or None
        Where this look began.
    now : datetime
        When this look began, by the server's clock as well. A change that lies far ahead of it was dated by a clock
        that was wrong and has been set back; the next look begins nearby all the same.
    """
    newest = max(changes, default=None)
    if newest is None:
        return since
    return min(max(newest, now - _DATED_LATE, *([since] if since else [])), now + _DATED_LATE)


def annotation_of(client: LabelStudio, annotation_id: int) -> Annotation | None:
    """Fetch one annotation; None when it was deleted meanwhile."""
    try:
        fetched = client.annotations.get(annotation_id)
    except NotFoundError:
        return None
    return Annotation(
        annotation_id=annotation_id,
        annotator_id=int(fetched.completed_by or 0),
        updated_at=_moment(fetched.updated_at),
        lead_time_s=float(fetched.lead_time or 0),
        drafted=fetched.draft_created_at is not None,
        skipped=bool(fetched.was_cancelled),
        result=fetched.result,
    )


def _tile(value: Any) -> Tile | None:
    """Read a tile from a task's data; what is none leads to no published pixels."""
    numbers = value if isinstance(value, list) else []
    return Tile(*numbers) if len(numbers) == 4 and all(isinstance(number, int) for number in numbers) else None


def _moment(value: Any) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(str(value))


def _field(value: Any, name: str) -> Any:
    """Read a field of what the client gives, now as a dictionary and now as an object."""
    return value[name] if isinstance(value, dict) else getattr(value, name)


def _query(conditions: list[_Condition]) -> str:
    """Give the filter; ordered by id, since pages of an order that changes meanwhile would skip tasks."""
    items = [
        {"filter": f"filter:tasks:{field}", "operator": operator, "type": kind, "value": value}
        for field, operator, kind, value in conditions
    ]
    return json.dumps({"filters": {"conjunction": "and", "items": items}, "ordering": ["tasks:id"]})
