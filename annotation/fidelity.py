"""How well contours cover their regions, kept up to date while some of them change."""

import numpy as np
from numpy.typing import NDArray

from annotation.lines import Lines, ranges
from annotation.rasterising import rasterise
from annotation.spans import Spans


class Fidelity:
    """Overlaps of contours with their regions.

    Attributes
    ----------
    regions : (y, x) int32
        0 is background.
    areas : (n + 1,) intp
        Pixels of every region; entry 0 is background.
    iou : (n + 1,) float64
        Intersection over union of every contour with its region, in pixels.
    """

    def __init__(self, regions: NDArray[np.int32]) -> None:
        self.regions = regions
        self.areas = np.bincount(regions.ravel())
        self.iou: NDArray[np.float64] = np.zeros(len(self.areas))
        sortable = regions.ravel().astype(np.uint16) if len(self.areas) < 2**16 else regions.ravel()
        self._pixels = np.argsort(sortable, kind="stable")  # region by region; 16 bits are sorted much faster
        self._starts = np.cumsum(self.areas) - self.areas
        self._hit = np.zeros(regions.size, np.bool_)  # the region's own contour covers the pixel
        self._spans = Spans(*(np.zeros(0, np.intp),) * 3)

    def update(self, rings: Lines, region_of: NDArray[np.intp]) -> None:
        """Take in contours that are new or changed: all rings of their regions."""
        flat, size = self.regions.ravel(), len(self.areas)
        changed = np.bincount(region_of, minlength=size) > 0
        spans = rasterise(rings, region_of, (self.regions.shape[0], self.regions.shape[1]))
        index, region = spans.pixels()
        own = flat[index] == region
        covered, common = np.bincount(region, minlength=size), np.bincount(region[own], minlength=size)
        iou = common / np.maximum(self.areas + covered - common, 1)
        self.iou = np.where(changed, iou, self.iou)
        self._hit[self._of(changed)] = False
        self._hit[index[own]] = True
        others = ~changed[self._spans.polygon]
        self._spans = Spans(
            np.concatenate([self._spans.polygon[others], spans.polygon]),
            np.concatenate([self._spans.start[others], spans.start]),
            np.concatenate([self._spans.stop[others], spans.stop]),
        )

    def gaps(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Give y, x of the pixels that no contour covers although they and all around them belong to regions."""
        missed = self._pixels[self.areas[0] :]
        missed = missed[~self._hit[missed]]
        begun = np.searchsorted(np.sort(self._spans.start), missed, side="right")
        bare = missed[begun == np.searchsorted(np.sort(self._spans.stop), missed, side="right")]
        height, width = self.regions.shape
        y, x = np.divmod(bare, width)
        inner = (y > 0) & (y < height - 1) & (x > 0) & (x < width - 1)
        y, x = y[inner], x[inner]
        solid = np.ones(len(y), np.bool_)
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                solid &= self.regions[y + dy, x + dx] > 0
        return y[solid], x[solid]

    def _of(self, regions: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Give the pixels of these regions."""
        chosen = np.flatnonzero(regions)
        return self._pixels[ranges(self._starts[chosen], self.areas[chosen])]
