"""Which region is meant, in words that its annotator understands: its label, and where it lies in the picture."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.marks import OPAQUE, code_faults, decoded
from annotation.project import CUT, GROW, JOIN, OBJECT, REMOVE, UNSURE

_LABELS = (OBJECT, CUT, JOIN, UNSURE, GROW, REMOVE)


def whereabouts(result: object, region_id: str) -> str:
    """Describe a region of an annotation; empty where nothing can be said of it.

    Parameters
    ----------
    result : object
        What the server holds; anything at all.
    region_id : str
    """
    for item in result if isinstance(result, list) else ():
        if isinstance(item, dict) and item.get("id") == region_id:
            value, kind = item.get("value"), item.get("type")
            labels = value.get(kind) if isinstance(value, dict) and isinstance(kind, str) else None
            if isinstance(labels, list) and labels and labels[0] in _LABELS:
                at = _middle(item)
                where = "" if at is None else f" {at[0]:.0f} % from the left, {at[1]:.0f} % from the top"
                return f"{labels[0]}{where}"
    return ""


def _middle(item: dict[str, Any]) -> tuple[float, float] | None:
    """Give the middle of a region, per cent x, y; None where it has no place that can be read."""
    value = item["value"]
    try:
        if "rle" in value:
            places: NDArray[np.floating] = _painted(value["rle"], (item["original_height"], item["original_width"]))
        else:
            places = np.asarray(value.get("points", [[value.get("x"), value.get("y")]]), np.float64)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    if places.ndim != 2 or places.shape[1] != 2 or not len(places) or not ((places >= 0) & (places <= 100)).all():
        return None
    x, y = places.mean(axis=0)
    return float(x), float(y)


def _painted(rle: object, shape: tuple[int, int]) -> NDArray[np.floating]:
    """Give the pixels of a stroke, per cent x, y."""
    if not all(isinstance(side, int) for side in shape) or [*code_faults(rle, shape)] or not isinstance(rle, list):
        return np.zeros((0, 2))
    alpha = decoded(rle, shape)
    if alpha is None:
        return np.zeros((0, 2))
    return np.argwhere(alpha > OPAQUE)[:, ::-1] * (100 / shape[1], 100 / shape[0])
