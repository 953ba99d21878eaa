"""The objects of one section: their ids, where they are, how large, how shaped, how grey."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cc3d
import cv2
import fastremap
import numpy as np
from numpy.typing import NDArray

from tracing.registration_flow import Flow
from tracing.registration_picture import blurred, image_of_outlines
from tracing.tracking_runs import runs_of_planes, summed

Numbers = NDArray[np.float64]

_BLACK, _WHITE = 0, 255
_SMALLEST_FILL_PX = 5
_FILLING = 0.9
_IN_PIECES = 0.03
"""Share of objects with two pieces apart from which on labels are taken to join what belongs together."""
_PIECE_SHARE, _PIECE_PX = 0.1, 16
"""Least part of its object, and least pixels, of what is a piece and no stray pixels."""
_OUTLINES_NM = 20.0
"""Depth below an outline is told apart in steps of this, where it stands in for the image."""
_LIGHT_NM = 500.0
"""Grey is compared with its surroundings of this standard deviation, since contrast changes between sections."""


@dataclass(frozen=True)
class SectionObjects:
    """One section's labels, numbered from 1, and its image.

    Attributes
    ----------
    z : int
        Index of the section.
    ids : (objects,) unsigned int
        The id that the labels gave to objects 1, 2, ...
    labels : (y, x) int32
        0 is background.
    image : (y, x) uint8
        EM image.
    light_px : float
        Standard deviation of the surroundings with which grey is compared.
    shown : (y, x) uint8
        1, or 0 where the image has nothing: black or white fill without an object.
    """

    z: int
    ids: NDArray[Any]
    labels: NDArray[np.int32]
    image: NDArray[Any]
    light_px: float
    shown: NDArray[np.uint8]

    @cached_property
    def grey(self) -> NDArray[np.float32]:
        """Image `(y, x)` of even light, mean 0 and deviation about 1."""
        return _even_grey(self.image, self.light_px)

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def filling(self) -> NDArray[np.bool_]:
        """Of each object, (objects + 1,), whether it fills the section, as where that shows no membrane."""
        return np.bincount(self.labels.ravel(), minlength=len(self) + 1) >= _FILLING * self.labels.size

    @cached_property
    def in_pieces(self) -> bool:
        """Whether ids join separate areas, so that the labels themselves say what branches belong together."""
        pieces = cc3d.connected_components(self.labels, connectivity=8)
        area_px = np.bincount(pieces.ravel())
        owner = np.zeros(len(area_px), np.int64)
        owner[pieces.ravel()] = self.labels.ravel()
        whole_px = np.bincount(self.labels.ravel(), minlength=len(self) + 1)
        large = (area_px >= _PIECE_SHARE * whole_px[owner]) & (area_px >= _PIECE_PX) & (owner > 0)
        several = np.bincount(owner[large], minlength=len(self) + 1) > 1
        return bool(several.sum() > _IN_PIECES * len(self))


@dataclass(frozen=True)
class Measures:
    """What is compared of a section's objects; row 0 of each array is unused.

    Attributes
    ----------
    area_px : (objects + 1,)
        0 where an object is not seen.
    centre_px : (objects + 1, 2)
        y, x.
    spread_px2 : (objects + 1, 3)
        Second moments about the centre: yy, yx, xx.
    grey : (objects + 1,)
        Mean grey.
    """

    area_px: Numbers
    centre_px: Numbers
    spread_px2: Numbers
    grey: Numbers


def section_objects(z: int, labels: NDArray[Any], image: NDArray[Any] | None, *, pixel_nm: float) -> SectionObjects:
    """Collect the objects of section `z`: labels (y, x) of any unsigned type and its image (y, x), if there is one.

    Without an image the outlines of the objects stand in for it.
    """
    ids, compact = fastremap.unique(labels, return_inverse=True)
    compact = compact.reshape(labels.shape)
    if ids[0] == 0:
        ids = ids[1:]
    else:
        compact = compact + 1
    compact = np.asarray(compact, np.int32)
    if image is None:
        image = image_of_outlines(compact, max(1, round(_OUTLINES_NM / pixel_nm)))
    return SectionObjects(z, ids, compact, image, _LIGHT_NM / pixel_nm, _shown(image, compact == 0))


def measured(labels: NDArray[np.int32], grey: NDArray[np.float32], count: int) -> Measures:
    """Measure objects 1 to `count` of a labelled section (y, x)."""
    runs = runs_of_planes(labels)
    owner = labels.ravel()[runs.start]
    greys = np.add.reduceat(grey.ravel(), runs.start, dtype=np.float64)
    runs, owner, greys = runs.where(owner > 0), owner[owner > 0], greys[owner > 0]
    y, x = (part.astype(np.float64) for part in np.divmod(runs.start, labels.shape[1]))
    n = runs.length_px
    x = x + (n - 1) / 2  # the middle of the run

    def mean_of(sums: Numbers) -> Numbers:
        return np.asarray(summed(owner, sums, count + 1) / np.maximum(area, 1), np.float64)

    area = summed(owner, n, count + 1)
    centre_y, centre_x = mean_of(y * n), mean_of(x * n)
    spread = (
        mean_of(y * y * n) - centre_y**2 + 1 / 12,  # 1/12: a pixel is a square, not a point
        mean_of(y * x * n) - centre_y * centre_x,
        mean_of(x * x * n + (n**3 - n) / 12) - centre_x**2 + 1 / 12,
    )
    return Measures(area, np.stack([centre_y, centre_x], axis=1), np.stack(spread, axis=1), mean_of(greys))


def centres_px(labels: NDArray[np.int32], area_px: Numbers) -> Numbers:
    """Give the centres of the objects of a labelled plane (y, x) of which the areas are known: (objects + 1, 2)."""
    runs = runs_of_planes(labels)
    owner = labels.ravel()[runs.start]
    y, x = np.divmod(runs.start, labels.shape[1])
    sums = [summed(owner, at * runs.length_px, len(area_px)) for at in (y, x + (runs.length_px - 1) / 2)]
    return np.asarray(np.stack(sums, axis=1) / np.maximum(area_px, 1)[:, None])


def carried(planes: Sequence[NDArray[Any]], flow: Flow, *, every: int = 1) -> list[NDArray[Any]]:
    """Look planes (y, x) up where `flow` (2, y, x) leads, `every` so many rows; nearest pixel, outside they are 0."""
    rows, columns = (np.arange(n, dtype=np.float32) for n in flow.shape[1:])
    at_y, at_x = flow[0, ::every] + rows[::every, None], flow[1, ::every] + columns
    return [cv2.remap(plane, at_x, at_y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT) for plane in planes]


def in_common(
    first: SectionObjects, second: SectionObjects, flow: Flow, *, every: int = 1
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Give the labels of two sections where both show something, the second carried into the frame of the first.

    An object at the border of one picture is then compared with the part of it that the other picture shows too. Of
    the rows only `every` so many are given.
    """
    shown, labels = carried((second.shown, second.labels), flow, every=every)
    both = first.shown[::every] * shown
    return first.labels[::every] * both, labels * both


def _shown(image: NDArray[Any], empty: NDArray[np.bool_]) -> NDArray[np.uint8]:
    fill = np.asarray(((image == _BLACK) | (image == _WHITE)) & empty, np.uint8)
    block = np.ones((_SMALLEST_FILL_PX, _SMALLEST_FILL_PX), np.uint8)
    eroded = cv2.erode(fill, block, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(1 - cv2.dilate(eroded, block), np.uint8)


def _even_grey(image: NDArray[Any], sigma_px: float) -> NDArray[np.float32]:
    grey = np.asarray(image, np.float32)
    mean = blurred(grey, sigma_px)
    deviation = np.sqrt(np.maximum(blurred(grey * grey, sigma_px) - mean * mean, np.float32(25)))
    return np.asarray((grey - mean) / deviation, np.float32)
