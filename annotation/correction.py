"""What an annotator changed, applied to the pixels that the pre-annotation was made from.

Simplified contours are not the pixels: rasterising all of them would move every border a little. So a region whose
geometry is unchanged keeps its own pixels, and a changed one loses and gains only what lies between the old and the
new contour. Geometry is compared, since the server's `origin` still says "prediction" after an edit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from annotation.boundaries import pieces_of
from annotation.contours import Contour
from annotation.frame import Frame
from annotation.layer import layer_of, redrawn
from annotation.lines import Lines
from annotation.rasterising import rasterise
from annotation.regions import Region, region_id
from annotation.spans import Spans, both, minus, runs_of

_SAME_PX = 0.01
# Pixels of a piece may lie this far outside of its simplified contour.
_FRINGE_PX = 2


@dataclass(frozen=True)
class PreAnnotation:
    """What was published for a section, or for a tile of it; arrays are those of the picture shown.

    Attributes
    ----------
    z : int
    labels : (y, x) uint32
        Of a tile, 0 in the margin around it.
    contours : list of Contour
        In the order of `pieces_of(labels)`.
    membrane : (y, x) float32 or None
        The model's membrane probability, by which strokes and points are applied.
    frame : Frame or None
        Where the picture of a tile lies; None for a whole section.
    layered : frozenset of int
        Numbers of the contours that were shown in the layer (`annotation.layer`) instead of as regions.
    version : str
        Empty for what was published; names what the prediction service drew later, see `version_name`.
    """

    z: int
    labels: NDArray[np.uint32] = field(compare=False)
    contours: list[Contour] = field(compare=False)
    membrane: NDArray[np.float32] | None = field(default=None, compare=False)
    frame: Frame | None = None
    layered: frozenset[int] = frozenset()
    version: str = ""

    @property
    def region_ids(self) -> list[str]:
        """The name of every contour's region."""
        return [region_id(self.z, contour, self.version) for contour in self.contours]


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
    ours = {name: number for number, name in enumerate(before.region_ids) if number not in before.layered}
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

    pieces = pieces_of(before.labels)
    news = [_snapped(region.points, before.contours[number].points) for region, number in changed]
    now = _filled([*news, *(region.points for region in added)], (pieces.shape[0], pieces.shape[1]))
    if before.layered:
        deleted += redrawn(layer_of(pieces, before.layered), now.pixels()[0])
    gone = np.zeros(len(before.contours) + 1, np.bool_)
    gone[[number + 1 for number in deleted]] = True
    labels = np.where(gone[pieces], np.uint32(0), before.labels) if deleted else before.labels.copy()
    _apply(labels, pieces, before, [number for _, number in changed], now=now)
    return Correction(
        labels=labels,
        kept=len(before.contours) - len(deleted) - len(changed),
        changed=len(changed),
        added=len(added),
        deleted=len(deleted),
    )


def _apply(
    labels: NDArray[np.uint32],
    pieces: NDArray[np.int32],
    before: PreAnnotation,
    changed: list[int],
    *,
    now: Spans,
) -> None:
    """Take away what changed regions lost, then paint what they and the added ones gained, into `labels`.

    `now` has the pixels of the changed regions, in their order, then those of the added ones.
    """
    shape = (labels.shape[0], labels.shape[1])
    olds = [before.contours[number] for number in changed]
    was = _filled([old.points for old in olds], shape)
    own = runs_of(pieces, np.array(changed, np.intp) + 1)
    flat = labels.ravel()
    index, _ = minus(both(own, was), now).pixels()
    flat[index] = 0
    fringe = minus(minus(own, was), now)
    flat[_far(fringe, now, shape)] = 0
    first_new = int(before.labels.max(initial=0)) + 1
    ids = np.array([old.object_id for old in olds], np.int64)
    index, polygon = minus(now, was).pixels()
    new = first_new + polygon - len(olds)
    flat[index] = np.where(new < first_new, np.append(ids, 0)[np.minimum(polygon, len(olds))], new)


def _filled(polygons: Sequence[NDArray[np.float64]], shape: tuple[int, int]) -> Spans:
    return rasterise(Lines.of(polygons), np.arange(len(polygons)), shape)


def _far(spans: Spans, from_spans: Spans, shape: tuple[int, int]) -> NDArray[np.intp]:
    """Give the pixels of each polygon that lie farther than the fringe from the other spans of that polygon."""
    index, polygon = spans.pixels()
    y, x = np.divmod(index, shape[1])
    far = np.ones(len(index), np.bool_)
    for dy in range(-_FRINGE_PX, _FRINGE_PX + 1):
        for dx in range(abs(dy) - _FRINGE_PX, _FRINGE_PX - abs(dy) + 1):
            inside = (y + dy >= 0) & (y + dy < shape[0]) & (x + dx >= 0) & (x + dx < shape[1])
            far[inside] &= ~from_spans.hold(polygon[inside], (index + dy * shape[1] + dx)[inside])
    return index[far]


def _snapped(points: NDArray[np.float64], originals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give vertices that were not moved their exact old place.

    They come back rounded, and a line that ran through a pixel's centre would otherwise pass beside it.
    """
    distance, nearest = cKDTree(originals).query(points, distance_upper_bound=_SAME_PX)
    near = np.isfinite(distance)
    snapped = points.copy()
    snapped[near] = originals[np.asarray(nearest)[near]]
    return snapped


def _same(points: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    return points.shape == other.shape and bool(np.abs(points - other).max(initial=0) < _SAME_PX)
