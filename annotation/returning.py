"""An answer sent back: its task is open again, shows what was answered, and says why it is back."""

from collections.abc import Collection
from typing import Any

from annotation.client import ONCE, LabelStudio
from annotation.layer import is_layer
from annotation.project import CONTOURS, PRE_ANNOTATION_VERSION, connect
from annotation.regions import version_of
from annotation.server import Server
from annotation.tasks import annotation_of


def send_back(
    server: Server, task_id: int, annotation_id: int, *, reason: str, refused: Collection[str] | None = ()
) -> bool:
    """Open an answered task again, with the answer as its pre-annotation; the annotation itself is deleted.

    Whoever calls has stored the answer's labels: the server forgets it. A crash on the way is mended by calling again.
    Label Studio serves the task to whoever asks next; its open edition cannot keep a task for one annotator.

    Parameters
    ----------
    server : Server
    task_id, annotation_id : int
    reason : str
        What the annotator reads above the section.
    refused : collection of str, or None
        Ids of regions that cannot be used: objects among them are shown as they were published, marks left out. None
        means the answer as a whole: every published object is shown again.

    Returns
    -------
    bool
        False where the annotation is gone already.
    """
    with connect(server) as client:
        answer = annotation_of(client, annotation_id)
        if answer is None:
            return False
        held: list[Any] = list(client.predictions.list(task=task_id))
        offered = [[dict(region) for region in prediction.result] for prediction in held]
        published = [region for one in offered if version_of(one) == version_of(answer.result) for region in one]
        shown = _shown(answer.result, published, refused)
        data = client.tasks.get(str(task_id)).data
        client.tasks.update(str(task_id), data=data | {"reason": reason})
        score = float(held[0].score or 0) if held else 0.0
        _replace(client, task_id, held, {"result": shown, "score": score})
        client.annotations.delete(annotation_id)
    return True


def _shown(result: object, published: list[dict[str, Any]], refused: Collection[str] | None) -> list[dict[str, Any]]:
    """Give the answer's regions, the refused ones replaced by what was published."""
    objects = {str(region["id"]): region for region in published if region.get("from_name") == CONTOURS}
    layer = {str(region["id"]): region for region in published if is_layer(region)}
    back = layer.keys() | (objects.keys() if refused is None else set(refused))
    answered = [item for item in result if isinstance(item, dict)] if isinstance(result, list) else []
    kept = {str(item["id"]): item for item in answered if isinstance(item.get("id"), str) and item["id"] not in back}
    restored = [region for name, region in objects.items() if name in back]
    return [*layer.values(), *kept.values(), *restored]


def _replace(client: LabelStudio, task_id: int, held: list[Any], prediction: dict[str, Any]) -> None:
    """Put the new prediction there before the old ones go, so that a crash leaves the task with one."""
    client.predictions.create(task=task_id, model_version=PRE_ANNOTATION_VERSION, **prediction, request_options=ONCE)
    for old in held:
        client.predictions.delete(old.id)
