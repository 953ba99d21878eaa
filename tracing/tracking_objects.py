"""The objects of one section: their ids, where they are, how large, how shaped, how grey."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_opening
from skimage.measure import label

from tracing.registration_flow import Flow
from tracing.registration_picture import blurred

Numbers = NDArray[np.float64]

_FILLS = (0, 255)
_SMALLEST_FILL_PX = 5
_SEVERAL_PIECES = 1.08
"""Pieces per object above which more than stray pixels lie apart."""
_LIGHT_NM = 500.0
"""Grey is compared with its surroundings of this standard deviation, since contrast changes between sections."""


@dataclass(frozen=True)
class SectionObjects:
    """One section's labels, numbered from 1, and the grey in which they are compared.

    Attributes
    ----------
    z : int
        Index of the section.
    ids : (objects,) unsigned int
        The id that the labels gave to objects 1, 2, ...
    labels : (y, x) int32
        0 is background.
    grey : (y, x) float32
        Image of even light, mean 0 and deviation about 1.
    shown : (y, x) bool
        False where the image has nothing: black or white fill without an object.
    """

    z: int
    ids: NDArray[Any]
    labels: NDArray[np.int32]
    grey: NDArray[np.float32]
    shown: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.ids)

    def in_pieces(self) -> bool:
        """Say whether ids join separate areas, so that the labels themselves say what branches belong together."""
        pieces = int(label(self.labels, background=0, connectivity=2).max())
        return pieces > _SEVERAL_PIECES * len(self)


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


def section_objects(z: int, labels: NDArray[Any], image: NDArray[Any], *, pixel_nm: float) -> SectionObjects:
    """Collect the objects of section `z`: labels (y, x) of any unsigned type and its image (y, x)."""
    ids, compact = np.unique(labels, return_inverse=True)
    compact = compact.reshape(labels.shape)
    if ids[0] == 0:
        ids = ids[1:]
    else:
        compact = compact + 1
    fill = np.isin(image, _FILLS) & (compact == 0)
    shown = ~binary_opening(fill, np.ones((_SMALLEST_FILL_PX, _SMALLEST_FILL_PX), np.bool_))
    return SectionObjects(z, ids, np.asarray(compact, np.int32), _even_grey(image, _LIGHT_NM / pixel_nm), shown)


def measured(labels: NDArray[np.int32], grey: NDArray[np.float32], count: int) -> Measures:
    """Measure objects 1 to `count` of a labelled section (y, x)."""
    where = np.flatnonzero(labels)
    owner = labels.ravel()[where]
    y, x = (part.astype(np.float64) for part in np.divmod(where, labels.shape[1]))

    def mean_of(values: Numbers) -> Numbers:
        return np.asarray(np.bincount(owner, values, count + 1) / np.maximum(area, 1), np.float64)

    area = np.bincount(owner, minlength=count + 1).astype(np.float64)
    centre_y, centre_x = mean_of(y), mean_of(x)
    spread = (
        mean_of(y * y) - centre_y**2 + 1 / 12,  # 1/12: a pixel is a square, not a point
        mean_of(y * x) - centre_y * centre_x,
        mean_of(x * x) - centre_x**2 + 1 / 12,
    )
    greys = mean_of(grey.ravel()[where].astype(np.float64))
    return Measures(area, np.stack([centre_y, centre_x], axis=1), np.stack(spread, axis=1), greys)


def carried(plane: NDArray[Any], flow: Flow) -> NDArray[Any]:
    """Look up labels or grey (y, x) of a section where `flow` (2, y, x) leads, nearest pixel; outside it is 0."""
    rows, columns = plane.shape
    y = np.rint(flow[0] + np.arange(rows, dtype=np.float32)[:, None]).astype(np.int32)
    x = np.rint(flow[1] + np.arange(columns, dtype=np.float32)).astype(np.int32)
    inside = (y >= 0) & (y < rows) & (x >= 0) & (x < columns)
    at = np.clip(y, 0, rows - 1) * columns + np.clip(x, 0, columns - 1)
    return np.asarray(np.where(inside, plane.ravel()[at], 0), plane.dtype)


def in_common(first: SectionObjects, second: SectionObjects, flow: Flow) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Give the labels of two sections where both show something, the second carried into the frame of the first.

    An object at the border of one picture is then compared with the part of it that the other picture shows too.
    """
    both = first.shown & carried(second.shown, flow)
    return np.where(both, first.labels, 0), np.where(both, carried(second.labels, flow), 0)


def _even_grey(image: NDArray[Any], sigma_px: float) -> NDArray[np.float32]:
    grey = np.asarray(image, np.float32)
    mean = blurred(grey, sigma_px)
    deviation = np.sqrt(np.maximum(blurred(grey * grey, sigma_px) - mean * mean, np.float32(25)))
    return np.asarray((grey - mean) / deviation, np.float32)
