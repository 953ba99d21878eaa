"""Strokes and points applied to labels: a rough mark, the precise border from the model's membrane map.

All strokes of a kind count together, so the order in which they were drawn decides nothing: first cuts, then removals,
then joins, then growth. Pixels of objects that no mark touches stay as they are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects
from skimage.measure import label as connected_components

from annotation.boundaries import pieces_of
from annotation.cutting import CutRules, cut
from annotation.growing import GrowthRules, grow
from annotation.joining import join
from annotation.marks import Marks, Point, Stroke
from annotation.project import CUT, GROW, JOIN, REMOVE, UNSURE, VERDICTS


@dataclass(frozen=True)
class Operated:
    """What the marks of an annotation made of its labels.

    Attributes
    ----------
    labels : (y, x) uint32
    counted : (y, x) bool
        False where the annotator was unsure, and everywhere in a section to be discarded.
    cuts, joins, grown, removed : int
        Operations that did something; every stroke and every point is one.
    faults : list of (region id, reason)
        Marks that did nothing.
    """

    labels: NDArray[np.uint32] = field(compare=False)
    counted: NDArray[np.bool_] = field(compare=False)
    cuts: int
    joins: int
    grown: int
    removed: int
    faults: list[tuple[str, str]]


def operate(labels: NDArray[np.uint32], membrane: NDArray[np.float32] | None, marks: Marks) -> Operated:
    """Apply all marks of an annotation.

    Parameters
    ----------
    labels : (y, x) uint32
        The annotation's polygons already applied; 0 is background.
    membrane : (y, x) float32, optional
        The model's membrane probability; without it a cut runs along the middle of its stroke and nothing can grow.
    marks : Marks

    Returns
    -------
    Operated
        Of a cut object the largest part keeps the id, of joined ones the largest object's id stays; new ids follow
        the largest.
    """
    if not marks.strokes and not marks.points:
        return Operated(labels, _counted(marks, labels.shape), 0, 0, 0, 0, [])
    ids, compact = np.unique(labels, return_inverse=True)
    if ids[0] > 0:
        ids, compact = np.append(np.uint32(0), ids), compact + 1
    worked = _operate(compact.reshape(labels.shape).astype(np.uint32), membrane, marks)
    new_ids = int(ids[-1]) + 1 + np.arange(int(worked.labels.max()) + 1 - min(len(ids), int(worked.labels.max()) + 1))
    return replace(worked, labels=np.concatenate([ids, new_ids]).astype(np.uint32)[worked.labels])


def _operate(labels: NDArray[np.uint32], membrane: NDArray[np.float32] | None, marks: Marks) -> Operated:
    """Apply all marks to labels without gaps in their ids."""
    faults: list[tuple[str, str]] = []
    by_kind = {kind: [stroke for stroke in marks.strokes if stroke.label == kind] for kind in (CUT, JOIN)}
    strokes = {kind: _separate(regions, labels.shape) for kind, regions in by_kind.items()}

    flat = np.zeros(labels.shape, np.float32) if membrane is None else membrane
    cut_up, cutting = cut(labels, flat, strokes[CUT], CutRules())
    cleared, hits = _removed(cut_up, marks.points, faults)
    joined, joining = join(cleared, strokes[JOIN])
    faults += _idle(by_kind[JOIN], strokes[JOIN], joining, "it touches fewer than two objects")

    points = [point for point in marks.points if point.label == GROW]
    grown, refusals = joined, ["there is no membrane map to grow in"] * len(points)
    if membrane is not None:
        places = [(point.y, point.x) for point in points]
        barrier = (strokes[CUT] > 0) | (cleared != cut_up)
        grown, refusals = grow(joined, membrane, places, GrowthRules(), barrier=barrier)
    faults += [(point.region_id, why) for point, why in zip(points, refusals, strict=True) if why]
    bounding = cutting | _beside(strokes[CUT], grown != joined)
    faults += _idle(by_kind[CUT], strokes[CUT], bounding, "it crosses no object")
    counted = _counted(marks, labels.shape)
    return Operated(grown, counted, len(bounding), len(joining), refusals.count(""), hits, faults)


def _removed(
    labels: NDArray[np.uint32], points: Sequence[Point], faults: list[tuple[str, str]]
) -> tuple[NDArray[np.uint32], int]:
    """Clear the pieces under "Not an axon"; give how many points hit one, and add a fault for each other."""
    pieces = pieces_of(labels)
    hits = []
    for point in points:
        if point.label == REMOVE and pieces[point.y, point.x]:
            hits.append(pieces[point.y, point.x])
        elif point.label == REMOVE:
            faults.append((point.region_id, "it lies on no object"))
    return np.where(np.isin(pieces, hits), np.uint32(0), labels), len(hits)


def _counted(marks: Marks, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    counted = np.full(shape, marks.verdict != VERDICTS[-1])
    for stroke in marks.strokes:
        if stroke.label == UNSURE:
            counted &= ~stroke.mask
    return counted


def _separate(regions: Sequence[Stroke], shape: tuple[int, ...]) -> NDArray[np.int32]:
    """Give the strokes numbers: what touches is one, in whichever regions it was drawn; 0 is none."""
    mask = np.zeros(shape, np.bool_)
    for region in regions:
        mask |= region.mask
    return np.asarray(connected_components(mask, connectivity=2), np.int32)


def _idle(
    regions: Sequence[Stroke], strokes: NDArray[np.int32], useful: set[int], reason: str
) -> Iterator[tuple[str, str]]:
    """Name the regions with a stroke that did nothing."""
    for region in regions:
        idle = set(np.unique(strokes[region.mask]).tolist()) - useful
        if idle or not region.mask.any():
            yield region.region_id, reason if region.mask.any() else "it is empty"


def _beside(strokes: NDArray[np.int32], grown: NDArray[np.bool_]) -> set[int]:
    """Give the strokes that held a grown object back."""
    found: set[int] = set()
    for number, window in enumerate(find_objects(strokes), start=1):
        around = tuple(slice(max(side.start - 2, 0), side.stop + 2) for side in window)
        near = connected_components((strokes[around] == number) | grown[around], connectivity=2)
        own = np.unique(near[strokes[around] == number])
        if (grown[around] & np.isin(near, own)).any():
            found.add(number)
    return found
