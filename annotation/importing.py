"""Tasks put on the server once, also where its answer is lost on the way."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import httpx
from label_studio_sdk.core.api_error import ApiError

from annotation.client import ONCE, LabelStudio

_UNANSWERED = (502, 503, 504)  # said by what stands before the server, not by the server
_PATIENCE_S, _PAUSE_S = 30.0, 0.5  # an import of 20 tasks takes the server a few seconds


def import_once(
    client: LabelStudio, project: int, batch: Sequence[Mapping[str, Any]], held: Callable[[], Collection[str]]
) -> None:
    """Import tasks; where no answer comes, look until the server has them.

    Parameters
    ----------
    client : LabelStudio
    project : int
    batch : sequence of tasks
        Each with a `section_id` in its data.
    held : callable
        Gives the `section_id` of the tasks that the server has.

    Raises
    ------
    httpx.TransportError, ApiError
        The server refuses, or has none of them half a minute after the answer was lost.
    """
    wanted = {str(task["data"]["section_id"]) for task in batch}
    request: Any = batch
    try:
        client.projects.import_tasks(project, request=request, request_options=ONCE)
    except (httpx.TransportError, ApiError) as error:
        if isinstance(error, ApiError) and error.status_code not in _UNANSWERED:
            raise
        deadline = time.monotonic() + _PATIENCE_S  # the server may still be at work on it
        while not wanted <= set(held()):
            if time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_S)
