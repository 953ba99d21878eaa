"""Circles that show an annotator where the model is unsure: to be looked at, never to be answered."""

from typing import TypeGuard

from annotation.drawn import drawn
from annotation.project import DOUBTS, LOOK
from loop.doubts import Spot

_TYPE = "ellipselabels"


def spot_region(name: str, spot: Spot, corner: tuple[int, int], shape: tuple[int, int]) -> dict[str, object]:
    """Give a circle that cannot be dragged, as the server's API wants it.

    Parameters
    ----------
    name : str
        Id of the region.
    spot : Spot
    corner : (y, x)
        Of the picture in its section, px.
    shape : (height, width)
        Of the picture, px.
    """
    height, width = shape
    radius = min(spot.radius_px, 0.25 * min(shape))  # Label Studio takes no more than half
    value = {
        "x": 100 * (spot.x_px + 0.5 - corner[1]) / width,
        "y": 100 * (spot.y_px + 0.5 - corner[0]) / height,
        "radiusX": 100 * radius / width,
        "radiusY": 100 * radius / height,
        "rotation": 0,
        _TYPE: [LOOK],
    }
    return drawn(name, _TYPE, control=DOUBTS, value=value, shape=shape) | {"readonly": True}


def is_spot(region: object) -> TypeGuard[dict[str, object]]:
    """Tell a circle from what an annotator says; circles that were drawn by hand say nothing either."""
    return isinstance(region, dict) and region.get("type") == _TYPE and region.get("from_name") == DOUBTS
