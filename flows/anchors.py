"""Anchors of a volume: from a table, or from key points that were set in Label Studio."""

from pathlib import Path

from annotation.exported import read_export
from flows.link import read_anchors
from loop.errors import InputError
from tracing.tracking_anchors import Anchor


def anchors_of(path: Path, shape: tuple[int, int, int]) -> list[Anchor]:
    """Read anchors of a volume `(z, y, x)`: CSV, or Label Studio's export in JSON, where a point's name is its track.

    Raises
    ------
    InputError
        What cannot be read, or has no anchor.
    """
    if path.suffix != ".json":
        return read_anchors(path, shape[0])
    points = read_export(path, shape).points
    if not points:
        raise InputError(
            f"{path} has no seeds", given="no key point", expected="key points", fix="export a project that has them"
        )
    return [Anchor(z=point.z, y=point.y, x=point.x, track=point.name) for point in points]
