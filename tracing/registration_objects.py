"""Registration checked and improved by the objects themselves: what fits best overlaps best."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tracing.registration_flow import Flow
from tracing.registration_picture import blurred
from tracing.tracking_objects import SectionObjects, centres_px, in_common
from tracing.tracking_overlaps import Overlap, overlap

_ROUNDS = 3
_LEAST_GAIN = 0.001
"""Rise of the agreement below which the flow is left as it is."""
_REACH_NM = 480.0
"""Displacements left between matched objects are averaged over this distance (standard deviation of a Gaussian)."""
_CELL_SHARE = 5
"""Cells of the grid on which they are averaged in one such distance."""
_LEAST_IOU = 0.15
_EVERY = 2
"""Rows between those that are looked at: overlaps of whole objects hardly change by it, and cost half."""
_OUTLIER = 2.5


@dataclass(frozen=True)
class Laid:
    """Objects of one section laid on those of another.

    Attributes
    ----------
    flow : (2, y, x) float32
        From pixels of the fixed section to where they are seen in the moving one.
    planes : (ndarray, ndarray)
        Every `_EVERY`th row of their labels, in the frame of the fixed one.
    pairs : Overlap
        Of the two.
    agreement : float
        Sum of overlaps (IoU) of mutually best pairs, by the objects of the section with fewer: 0 to 1.
    """

    flow: Flow
    planes: tuple[NDArray[np.int32], NDArray[np.int32]]
    pairs: Overlap
    agreement: float


def laid(fixed: SectionObjects, moving: SectionObjects, flow: Flow) -> Laid:
    """Lay the objects of `moving` on those of `fixed` by a flow."""
    planes = in_common(fixed, moving, flow, every=_EVERY)
    pairs = overlap(*planes, (len(fixed), len(moving)))
    fewer = min(len(fixed), len(moving))
    agreement = float(pairs.iou()[pairs.best_both_ways()].sum() / fewer) if fewer else 0.0
    return Laid(flow, planes, pairs, agreement)


def improved_by_objects(fixed: SectionObjects, moving: SectionObjects, start: Laid, *, pixel_nm: float) -> Laid:
    """Move the flow towards the objects that match, as long as they overlap the better for it.

    Parameters
    ----------
    fixed, moving : SectionObjects
        The two sections.
    start : Laid
        How the one lies on the other.
    pixel_nm : float
        Size of a pixel within the section.

    Notes
    -----
    The displacement left between the centres of mutually best pairs is averaged over the neighbourhood, without
    those that stand out from it, and added: iterative closest points (Besl and McKay 1992) with a smooth field.
    """
    best = start
    for _ in range(_ROUNDS):
        then = laid(fixed, moving, best.flow + _left(best, _REACH_NM / pixel_nm))
        if then.agreement < best.agreement + _LEAST_GAIN:
            break
        best = then
    return best


def _left(seen: Laid, reach_px: float) -> NDArray[np.float32]:
    """Give the smooth displacement (2, y, x) that is left between the matched objects."""
    rows, columns = seen.flow.shape[1:]
    pairs, iou = seen.pairs, seen.pairs.iou()
    used = pairs.best_both_ways() & (iou > _LEAST_IOU)
    if not used.any():
        return np.zeros((2, rows, columns), np.float32)
    i, j, iou = pairs.first[used], pairs.second[used], iou[used]
    first, second = (
        centres_px(plane, area_px) * (_EVERY, 1)
        for plane, area_px in zip(seen.planes, (pairs.first_px, pairs.second_px), strict=True)
    )
    at, rest = first[i], second[j] - first[i]
    weight = iou * np.sqrt(np.minimum(pairs.first_px[i], pairs.second_px[j]))
    cell_px = max(reach_px / _CELL_SHARE, 1)
    cells = (int(rows / cell_px) + 1, int(columns / cell_px) + 1)
    cell = (np.asarray(at[:, 0] / cell_px, np.int64), np.asarray(at[:, 1] / cell_px, np.int64))
    field = _averaged(cells, cell, rest, weight)
    apart = np.hypot(*(rest - field[:, *cell].T).T)
    kept = apart < max(_OUTLIER * float(np.median(apart)), 2.0)
    field = _averaged(cells, cell, rest, weight * kept)
    y = (np.arange(rows, dtype=np.float32) + 0.5) / cell_px - 0.5
    x = (np.arange(columns, dtype=np.float32) + 0.5) / cell_px - 0.5
    at_x, at_y = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
    return np.stack([cv2.remap(part, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for part in field])


def _averaged(
    cells: tuple[int, int],
    cell: tuple[NDArray[np.int64], NDArray[np.int64]],
    rest: NDArray[np.float64],
    weight: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Average displacements over their neighbourhood, by weight: (2, cells, cells)."""
    total = np.zeros((3, *cells), np.float32)
    for plane, values in zip(total, (rest[:, 0] * weight, rest[:, 1] * weight, weight), strict=True):
        np.add.at(plane, cell, values)
    sums = [blurred(np.pad(plane, 3 * _CELL_SHARE), _CELL_SHARE) for plane in total]
    inner = slice(3 * _CELL_SHARE, -3 * _CELL_SHARE)
    y, x, by = (plane[inner, inner] for plane in sums)
    return np.asarray(np.stack([y, x]) / (by + 1e-3 * by.max() + 1e-9), np.float32)
