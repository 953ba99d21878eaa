"""A pre-annotation: every object of a picture outlined, and how each of them is shown to the annotator."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.boundaries import pieces_of
from annotation.confidence import confidence_of
from annotation.contours import DETAIL, EXACT, Contour, contours_of
from annotation.correction import PreAnnotation
from annotation.fitting import ContourDetail
from annotation.frame import Frame
from annotation.layer import layer_region, surest
from annotation.painted import bitmask_region, brush_region
from annotation.project import Drawing
from annotation.regions import polygon_region


@dataclass(frozen=True)
class Style:
    """How objects are shown.

    Attributes
    ----------
    drawing : "simplified", "exact", "bitmask" or "brush"
        Outlines of few vertices, outlines to the pixel, or painted objects, which the browser is far slower to show.
    readonly_above : float
        Outlines with more confidence than this (`annotation.confidence`) cannot be dragged by accident; strokes and
        points work on them all the same. 1 leaves all editable, as they are where there is no membrane map.
    outlines_at_most : int
        So many outlines, of the least confidence, are regions of their own; the others are one layer
        (`annotation.layer`). Without a membrane map all are regions.
    """

    drawing: Drawing = "simplified"
    # Of an early model's outlines on AC4 three in ten are above; 86 % of those need neither cut nor join, 62 % of all.
    readonly_above: float = 0.75
    outlines_at_most: int = 60

    @property
    def detail(self) -> ContourDetail:
        """How closely outlines follow the labels."""
        return DETAIL if self.drawing == "simplified" else EXACT

    def region(self, name: str, contour: Contour, mask: NDArray[np.bool_]) -> dict[str, object]:
        """Give an object with this outline and these pixels (y, x) as the server's API wants it."""
        if self.drawing in ("simplified", "exact"):
            return polygon_region(name, contour.points, (mask.shape[0], mask.shape[1]))
        return (brush_region if self.drawing == "brush" else bitmask_region)(name, mask)


STYLE = Style()


@dataclass(frozen=True)
class Prepared:
    """A pre-annotation and its regions.

    Attributes
    ----------
    before : PreAnnotation
        What ingest compares the answer with.
    layer : list of region
        The layer of the sure outlines, where there is one. What comes later in a result lies above, and outlines must
        stay within reach of the mouse: other regions belong between the two.
    outlines : list of region
        All other objects.
    """

    before: PreAnnotation
    layer: list[dict[str, Any]]
    outlines: list[dict[str, Any]]


def prepared(
    labels: NDArray[np.uint32],
    membrane: NDArray[np.float32] | None,
    style: Style,
    *,
    z: int,
    frame: Frame | None = None,
    version: str = "",
) -> Prepared:
    """Make the pre-annotation of a section, or of a tile.

    Parameters
    ----------
    labels : (y, x) uint32
        The objects in the picture; 0 is background, also all around a tile.
    membrane : (y, x) float32, optional
        The model's membrane probability there: by it the sure objects are told from the others.
    style : Style
    z : int
        The section.
    frame : Frame, optional
        Where the picture of a tile lies.
    version : str
        See `PreAnnotation`.
    """
    contours, pieces = contours_of(labels, style.detail), pieces_of(labels)
    confidence: NDArray[np.float64] = np.zeros(len(contours))
    layered = frozenset[int]()
    if membrane is not None:
        # No membrane is expected at the edge of a tile, no more than where the image ends.
        confidence = confidence_of(pieces, np.where(frame.inside, membrane, np.float32(1)) if frame else membrane)
        layered = surest(confidence, style.outlines_at_most)
    before = PreAnnotation(z, labels, contours, membrane, frame, layered, version)
    outlines = [
        style.region(name, contour, pieces == number + 1)
        | ({"readonly": True} if confidence[number] > style.readonly_above else {})
        for number, (name, contour) in enumerate(zip(before.region_ids, contours, strict=True))
        if number not in layered
    ]
    return Prepared(before, [layer_region(pieces, layered, version)] if layered else [], outlines)
