"""How coarse each arc may be: simplified, painted, compared, and refined or coarsened until its regions are content."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from annotation.boundaries import Boundaries
from annotation.fidelity import Fidelity
from annotation.rings import rings_of, vertices_of
from annotation.simplification import importance
from annotation.thinning import thinned_of

# A contour nearer than this to the traced boundary covers the same pixel centres (see annotation.boundaries).
EXACT_PX = 0.35
_THINNING_ROUNDS = 6
_GAP_PX = 4  # arcs this near to a gap may have opened it


@dataclass(frozen=True)
class ContourDetail:
    """How closely contours follow the labels.

    Attributes
    ----------
    tolerance_px : float
        How far a contour may lie from the boundary at first; fewer vertices are quicker to edit.
    iou : float
        No contour covers its piece worse than this, intersection over union in pixels.
    small_px, small_iou : int, float
        Pieces up to this size need only this much: a pixel is a larger share of them.
    vertices : int
        Contours with more vertices than this lose as many as the overlap allows.
    specks_px, specks_share : int, float
        Pieces of background up to this size are drawn into the largest region beside them, up to this share of it.
    """

    tolerance_px: float = 0.8
    iou: float = 0.98
    small_px: int = 100
    small_iou: float = 0.92
    vertices: int = 120
    specks_px: int = 4
    specks_share: float = 0.01


def fitted(boundaries: Boundaries, regions: NDArray[np.int32], detail: ContourDetail) -> NDArray[np.bool_]:
    """Choose the points of the arcs that contours keep.

    Every round paints the contours that changed and compares them with their regions. Refining ends at tolerance 0,
    which loses nothing; of contours with too many vertices those go that change the fewest pixels, as far as all
    regions beside can spare them.

    Parameters
    ----------
    boundaries : Boundaries
        Of `regions`, or of regions that differ from them by specks.
    regions : (y, x) int32
        What contours are compared with.
    detail : ContourDetail

    Returns
    -------
    (points of all arcs,) bool
    """
    fit = _Fit(boundaries, regions, detail)
    fit.refine()
    for _ in range(_THINNING_ROUNDS):
        if not fit.thin(detail.vertices):
            break
        fit.refine()
    return fit.kept


class _Fit:
    """The points kept so far, and why: a tolerance for each arc, and single points dropped beyond it."""

    def __init__(self, boundaries: Boundaries, regions: NDArray[np.int32], detail: ContourDetail) -> None:
        self._boundaries = boundaries
        self._fidelity = Fidelity(regions)
        self._goal = np.where(self._fidelity.areas > detail.small_px, detail.iou, detail.small_iou)
        self._goal[0] = 0
        self._worth = importance(boundaries.arcs)
        self._arc_of_point = boundaries.arcs.line_of_point
        self._tolerances = np.full(len(boundaries.sides), float(detail.tolerance_px))
        self._dropped: NDArray[np.bool_] = np.zeros(len(self._worth), np.bool_)
        self._thick: NDArray[np.bool_] = np.zeros(
            len(boundaries.sides), np.bool_
        )  # arcs of contours that have too many vertices
        self._fixed: NDArray[np.bool_] = np.zeros(
            len(boundaries.sides), np.bool_
        )  # arcs of which no more points can be spared
        self._stale: NDArray[np.bool_] = np.ones(len(self._goal), np.bool_)

    @property
    def kept(self) -> NDArray[np.bool_]:
        return (self._worth > self._tolerances[self._arc_of_point]) & ~self._dropped

    def refine(self) -> None:
        """Refine the arcs of contours that lost too much or opened a gap, until there are none."""
        while True:
            rings = np.flatnonzero(self._stale[self._boundaries.ring_region])
            lines = rings_of(self._boundaries, self.kept, rings)
            self._fidelity.update(lines, self._boundaries.ring_region[rings])
            poor = self._fidelity.iou < self._goal
            bad = self._relieving(poor) if poor.any() else self._near(*self._fidelity.gaps())
            restored = bad & self._thick & ~self._fixed
            finer = bad & ~restored & (self._tolerances > 0)
            if not (finer | restored).any():
                return
            self._fixed |= restored
            self._dropped &= ~restored[self._arc_of_point]
            tolerances = self._tolerances[finer]
            self._tolerances[finer] = np.where(tolerances > EXACT_PX, np.maximum(tolerances * 0.8, EXACT_PX), 0)
            self._stale = self._beside(finer | restored)

    def _relieving(self, poor: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Choose arcs of poor contours: those of contours with too many vertices only where nothing else is left."""
        sides = self._boundaries.sides
        free = (self._tolerances > 0) & ~self._thick
        helpless = poor & ~self._beside(free)
        return np.asarray((poor[sides].any(axis=1) & free) | helpless[sides].any(axis=1), np.bool_)

    def _near(self, y: NDArray[np.intp], x: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Choose the arcs close to these pixels; where none is that can be refined, all of the pixels' regions."""
        chosen: NDArray[np.bool_] = np.zeros(len(self._tolerances), np.bool_)
        if len(y):
            close, _ = cKDTree(np.stack([x, y], axis=1) + 0.5).query(
                self._boundaries.arcs.points, distance_upper_bound=_GAP_PX
            )
            chosen[self._arc_of_point[np.isfinite(np.asarray(close))]] = True
            if not (chosen & ((self._tolerances > 0) | (self._thick & ~self._fixed))).any():
                regions = np.zeros(len(self._goal), np.bool_)
                regions[self._fidelity.regions[y, x]] = True
                chosen = np.asarray(regions[self._boundaries.sides].any(axis=1), np.bool_)
        return chosen

    def _beside(self, arcs: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Tell which regions lie beside these arcs."""
        regions = np.zeros(len(self._goal), np.bool_)
        regions[self._boundaries.sides[arcs]] = True
        return regions

    def thin(self, most: int) -> bool:
        """Drop single points of contours with too many; tell whether there were any to drop."""
        kept = self.kept
        large = vertices_of(self._boundaries, kept) > most
        self._thick = np.asarray(large[self._boundaries.sides].any(axis=1), np.bool_)
        # What other regions lose here they can make good elsewhere.
        spare_px = self._fidelity.areas * np.where(large, self._fidelity.iou - self._goal, 1 - self._goal)
        spare_px[0] = np.inf
        thinned = thinned_of(self._boundaries, kept, spare_px, most, self._fixed)
        dropped = kept & ~thinned
        self._dropped |= dropped
        self._stale = np.zeros(len(large), np.bool_)
        self._stale[self._boundaries.sides[self._arc_of_point[dropped]]] = True
        return bool(dropped.any())
