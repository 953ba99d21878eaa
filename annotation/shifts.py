"""Outlines that were dragged as a whole: membranes do not move, so that is a slip of the mouse."""

from collections.abc import Sequence

import numpy as np

from annotation.correction import PreAnnotation
from annotation.regions import Region

_LEAST_PX = 1.0
_SAME_SHAPE_PX = 0.05


def accidental_shifts(before: PreAnnotation, regions: Sequence[Region]) -> list[tuple[str, str]]:
    """Find published outlines that came back elsewhere with unchanged shape.

    Parameters
    ----------
    before : PreAnnotation
    regions : sequence of Region

    Returns
    -------
    list of (region id, reason)
        Outlines all of whose vertices moved by one vector of more than a pixel.
    """
    ours = {name: contour.points for name, contour in zip(before.region_ids, before.contours, strict=True)}
    found = []
    for region in regions:
        points = ours.get(region.region_id)
        if points is None or points.shape != region.points.shape:
            continue
        moves = region.points - points
        shift = moves.mean(axis=0)
        if np.hypot(*shift) > _LEAST_PX and np.abs(moves - shift).max() < _SAME_SHAPE_PX:
            x, y = shift
            reason = f"the whole outline was dragged by ({x:.1f}, {y:.1f}) px; it keeps its place, redraw it to move it"
            found.append((region.region_id, reason))
    return found
