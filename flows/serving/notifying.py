"""Telling people what happened, by any channel that Apprise knows: mail, Slack, Matrix, a web hook."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import apprise

from loop.atomic import write_text

URLS_VARIABLE = "PROOFLOOP_NOTIFY_URLS"
Kind = Literal["failure", "alarm", "batch"]
"""Something broke; somebody should look; people got tasks, or have answered them."""
_SAME_AGAIN_AFTER = timedelta(days=1)
_TYPES = {
    "failure": apprise.NotifyType.FAILURE,
    "alarm": apprise.NotifyType.WARNING,
    "batch": apprise.NotifyType.INFO,
}


def notify(root: Path, kind: Kind, title: str, body: str) -> bool:
    """Send a message to every address in `PROOFLOOP_NOTIFY_URLS`, separated by blanks.

    Parameters
    ----------
    root : Path
        The run: it remembers what was said last of each kind, and the same is not said twice within a day.
    kind : "failure", "alarm" or "batch"
    title, body : str
        What is said.

    Returns
    -------
    bool
        Whether it reached every address; False too where there is none, or it was said before.
    """
    urls = os.environ.get(URLS_VARIABLE, "").split()
    if not urls or _said_before(root, kind, title + body):
        return False
    channels = apprise.Apprise()
    known = sum(channels.add(url) for url in urls) == len(urls)
    sent = bool(channels.notify(title=title, body=body, notify_type=_TYPES[kind])) and known
    if sent:
        _remember(root, kind, title + body)
    return sent


def _path(root: Path) -> Path:
    return root / "prefect" / "notified.json"


def _said(root: Path) -> dict[str, tuple[str, str]]:
    try:
        said: dict[str, tuple[str, str]] = json.loads(_path(root).read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return said


def _said_before(root: Path, kind: Kind, text: str) -> bool:
    last, at = _said(root).get(kind, ("", ""))
    return last == text and datetime.now(UTC) - datetime.fromisoformat(at) < _SAME_AGAIN_AFTER


def _remember(root: Path, kind: Kind, text: str) -> None:
    said = _said(root) | {kind: (text, datetime.now(UTC).isoformat())}
    write_text(_path(root), json.dumps(said, indent=2) + "\n", mode=0o600)
