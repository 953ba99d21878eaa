"""What an annotator changed, applied to the pixels that the pre-annotation was made from.

Simplified contours are not the pixels: rasterising all of them would move every border a little. So a region whose
geometry is unchanged keeps its own pixels, and a changed one loses and gains only what lies between the old and the
new contour. Geometry is compared, since the server's `origin` still says "prediction" after an edit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from annotation.boundaries import pieces_of
from annotation.contours import Contour
from annotation.rasterising import rasterise
from annotation.regions import Region, region_id

_SAME_PX = 0.01
# Pixels of a piece may lie this far outside of its simplified contour.
_FRINGE_PX = 2


@dataclass(frozen=True)
class PreAnnotation:
    """What was published for a section.

    Attributes
    ----------
    z : int
    labels : (y, x) uint32
    contours : list of Contour
        In the order of `pieces_of(labels)`.
    membrane : (y, x) float32 or None
        The model's membrane probability, by which strokes and points are applied.
    """

    z: int
    labels: NDArray[np.uint32] = field(compare=False)
    contours: list[Contour] = field(compare=False)
    membrane: NDArray[np.float32] | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Correction:
    """The labels after correction and how many regions each kind of work touched.

    Attributes
    ----------
    labels : (y, x) uint32
    kept, changed, added, deleted : int
    """

    labels: NDArray[np.uint32] = field(compare=False)
    kept: int
    changed: int
    added: int
    deleted: int


def correct(before: PreAnnotation, regions: Sequence[Region], unusable: frozenset[str] = frozenset()) -> Correction:
    """Apply an annotation to its pre-annotation.

    Parameters
    ----------
    before : PreAnnotation
    regions : sequence of Region
        All usable regions of the annotation. Where changed and added regions overlap others, the later wins.
    unusable : frozenset of str
        Ids of regions that came back damaged: they keep the pixels they had.

    Returns
    -------
    Correction
        Regions that an annotator drew are new objects, numbered after the largest id in the pre-annotation.
    """
    ours = {region_id(before.z, contour): number for number, contour in enumerate(before.contours)}
    returned = {region.region_id for region in regions} | unusable
    deleted = [number for name, number in ours.items() if name not in returned]
    changed: list[tuple[Region, int]] = []
    added: list[Region] = []
    for region in regions:
        number = ours.get(region.region_id)
        if number is None:
            added.append(region)
        elif not _same(region.points, before.contours[number].points):
            changed.append((region, number))

    labels = before.labels.copy()
    pieces = pieces_of(before.labels)
    labels[np.isin(pieces, np.array(deleted, np.int32) + 1)] = 0
    _apply(labels, pieces, before, changed, added)
    return Correction(
        labels=labels,
        kept=len(ours) - len(deleted) - len(changed),
        changed=len(changed),
        added=len(added),
        deleted=len(deleted),
    )


def _apply(
    labels: NDArray[np.uint32],
    pieces: NDArray[np.int32],
    before: PreAnnotation,
    changed: list[tuple[Region, int]],
    added: list[Region],
) -> None:
    """Take away what changed regions lost, then paint what they and the added ones gained, into `labels`."""
    gains: list[tuple[tuple[slice, slice], NDArray[np.bool_], int]] = []
    for region, number in changed:
        contour = before.contours[number]
        points = _snapped(region.points, contour.points)
        window = _window(np.concatenate([contour.points, points]), pieces.shape)
        was, now = _mask(contour.points, window), _mask(points, window)
        own = pieces[window] == number + 1
        labels[window][own & ~now & (was | ~binary_dilation(now, iterations=_FRINGE_PX))] = 0
        gains.append((window, now & ~was, contour.object_id))
    for object_id, region in enumerate(added, start=int(before.labels.max(initial=0)) + 1):
        window = _window(region.points, pieces.shape)
        gains.append((window, _mask(region.points, window), object_id))
    for window, mask, object_id in gains:
        labels[window][mask] = object_id


def _snapped(points: NDArray[np.float64], originals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give vertices that were not moved their exact old place.

    They come back rounded, and a line that ran through a pixel's centre would otherwise pass beside it.
    """
    apart = np.abs(points[:, None] - originals[None]).max(axis=2)
    nearest = apart.argmin(axis=1)
    return np.where(apart.min(axis=1)[:, None] < _SAME_PX, originals[nearest], points)


def _window(points: NDArray[np.float64], shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Give the part of the image that holds `points` and the fringe around them."""
    low = np.clip(np.floor(points.min(axis=0)) - _FRINGE_PX - 1, 0, (shape[1], shape[0])).astype(int)
    high = np.clip(np.ceil(points.max(axis=0)) + _FRINGE_PX + 1, 0, (shape[1], shape[0])).astype(int)
    return slice(low[1], high[1]), slice(low[0], high[0])


def _mask(points: NDArray[np.float64], window: tuple[slice, slice]) -> NDArray[np.bool_]:
    rows, columns = window
    shape = (rows.stop - rows.start, columns.stop - columns.start)
    index, _ = rasterise([points - (columns.start, rows.start)], shape).pixels()
    mask = np.zeros(shape[0] * shape[1], np.bool_)
    mask[index] = True
    return mask.reshape(shape)


def _same(points: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    return points.shape == other.shape and bool(np.abs(points - other).max(initial=0) < _SAME_PX)
