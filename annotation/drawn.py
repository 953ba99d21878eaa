"""What is drawn on the section's picture, as Label Studio's API writes it: the part that all kinds of regions share."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.project import SECTION
from annotation.run_lengths import run_lengths


def drawn(
    name: str, kind: str, *, control: str, value: Mapping[str, object], shape: tuple[int, ...]
) -> dict[str, object]:
    """Give a region as the browser would have made it.

    Parameters
    ----------
    name : str
        Its id.
    kind : str
        Its type, such as "polygonlabels".
    control : str
        The control of the labelling interface that it belongs to.
    value : mapping
        What depends on its type, labels included.
    shape : (height, width)
        Of the picture, px.
    """
    return {
        "id": name,
        "type": kind,
        "from_name": control,
        "to_name": SECTION,
        "original_width": shape[1],
        "original_height": shape[0],
        "image_rotation": 0,
        "value": value,
    }


def brush_value(mask: NDArray[np.bool_], label: str) -> dict[str, object]:
    """Give the value of a brush region that covers `mask`, (y, x)."""
    return {"format": "rle", "rle": run_lengths(mask), "brushlabels": [label]}


def misplaced(item: Mapping[str, Any]) -> Iterator[str]:
    """Say why a region that came back does not lie on the section as it was shown."""
    if item.get("to_name") != SECTION:
        yield f"it lies on {item.get('to_name')!r}, not on {SECTION!r}"
    if item.get("image_rotation"):
        yield f"the image was rotated by {item['image_rotation']!r} degrees"
