"""Outlines that need no watching, drawn as one picture: every region of its own makes the task page slower.

The picture is there to be looked at. Whatever comes back of it says nothing: its objects keep their own pixels, unless
strokes, points or newly drawn outlines say otherwise.
"""

from collections.abc import Collection
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

from annotation.drawn import brush_value, drawn
from annotation.project import STROKES, SURE
from annotation.regions import versioned

_NAME, _TYPE = "sure-outlines", "brushlabels"
_REDRAWN = 0.5  # with more than this share of its pixels under what a person drew, an object was drawn anew


def surest(confidence: NDArray[np.float64], outlines_at_most: int) -> frozenset[int]:
    """Choose the objects for the layer: all but the `outlines_at_most` of least confidence, by their numbers from 0."""
    return frozenset(np.argsort(confidence, kind="stable")[outlines_at_most:].tolist())


def layer_region(pieces: NDArray[np.int32], layered: Collection[int], version: str = "") -> dict[str, object]:
    """Give the layer as the server's API wants it.

    Parameters
    ----------
    pieces : (y, x) int32
        0 for background, else the piece, numbered from 1 (`annotation.boundaries.pieces_of`).
    layered : collection of int
        Whose outlines it shows, numbered from 0.
    version : str
        Of the pre-annotation.

    Returns
    -------
    dict
        A painted region that cannot be changed: lines of one pixel, also between two objects that touch.
    """
    value = brush_value(_lines(layer_of(pieces, layered)), SURE)
    name = versioned(_NAME, version)
    return drawn(name, _TYPE, control=STROKES, value=value, shape=pieces.shape) | {"readonly": True}


def is_layer(region: object) -> TypeGuard[dict[str, object]]:
    """Tell the layer from what an annotator says; what was painted by its label says nothing either."""
    value = region.get("value") if isinstance(region, dict) and region.get("type") == _TYPE else None
    return isinstance(value, dict) and value.get(_TYPE) == [SURE]


def layer_of(pieces: NDArray[np.int32], layered: Collection[int]) -> NDArray[np.int32]:
    """Give the pieces (y, x) of the layer alone, 0 elsewhere."""
    shown = np.zeros(int(pieces.max(initial=0)) + 1, np.bool_)
    shown[[number + 1 for number in layered]] = True
    return np.where(shown[pieces], pieces, 0)


def redrawn(layer: NDArray[np.int32], drawn: NDArray[np.intp]) -> list[int]:
    """Tell which objects of a layer were drawn anew, numbered from 0: what was drawn stands for all of them.

    Parameters
    ----------
    layer : (y, x) int32
        `layer_of` the pre-annotation.
    drawn : (n,) intp
        Flat indices of pixels inside of outlines that a person drew or changed; some may be repeated.
    """
    sizes = np.bincount(layer.ravel())
    covered = np.bincount(layer.ravel()[np.unique(drawn)], minlength=len(sizes))
    sizes[0] = covered[0] = 0
    numbers: list[int] = (np.flatnonzero(covered > _REDRAWN * sizes) - 1).tolist()
    return numbers


def _lines(layer: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Give the outermost pixels of the objects; of two that touch, those of one."""
    lines = np.zeros(layer.shape, np.bool_)
    for here, there in ((layer, lines), (layer.T, lines.T)):
        there[1:] |= here[1:] > here[:-1]
        there[:-1] |= here[:-1] > here[1:]
    return lines
