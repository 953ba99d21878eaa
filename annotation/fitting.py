"""How coarse each arc may be: simplified, painted, compared, and refined or coarsened until its regions are content."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from annotation.boundaries import Boundaries
from annotation.crowd import places_of
from annotation.fidelity import Fidelity
from annotation.lines import Lines
from annotation.rings import rings_of, vertices_of
from annotation.simplification import importance
from annotation.thinning import thinned_of

# A contour nearer than this to the traced boundary covers the same pixel centres (see annotation.boundaries).
EXACT_PX = 0.35
_ROUNDS = 4
_CROWDED = 10  # times the worth of a pixel of a contour with too many vertices: its neighbours can do better elsewhere
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
        Contours with more vertices than this are drawn anew with as many, as long as the overlap allows it.
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


def fitted(
    boundaries: Boundaries, regions: NDArray[np.int32], detail: ContourDetail
) -> tuple[Boundaries, NDArray[np.bool_]]:
    """Choose the points of the arcs that contours keep.

    Every round paints the contours that changed and compares them with their regions. Refining ends at tolerance 0,
    which loses nothing. Contours with too many vertices are drawn anew with as many as they may have
    (`annotation.thinning`); where they or their neighbours then lose too much, arcs are put back.

    Parameters
    ----------
    boundaries : Boundaries
        Of `regions`, or of regions that differ from them by specks.
    regions : (y, x) int32
        What contours are compared with.
    detail : ContourDetail

    Returns
    -------
    boundaries : Boundaries
        Some points of contours that had too many vertices lie elsewhere.
    kept : (points of all arcs,) bool
    """
    fit = _Fit(boundaries, regions, detail)
    fit.refine()
    for _ in range(_ROUNDS):
        if not fit.thin():
            break
        fit.refine()
    fit.settle()
    return fit.boundaries, fit.kept


class _Fit:
    """The points kept so far, and why: a tolerance for each arc, single points dropped beyond it, some points moved."""

    def __init__(self, boundaries: Boundaries, regions: NDArray[np.int32], detail: ContourDetail) -> None:
        self.boundaries = self._traced = boundaries
        self._fidelity = Fidelity(regions)
        self._goal = np.where(self._fidelity.areas > detail.small_px, detail.iou, detail.small_iou)
        self._goal[0] = 0
        self._worth = importance(boundaries.arcs)
        self._arc_of_point = boundaries.arcs.line_of_point
        self._place = places_of(boundaries.arcs)
        self._tolerances = np.full(len(boundaries.sides), float(detail.tolerance_px))
        self._coarse = self._tolerances  # before the first thinning
        self._coarse_vertices: NDArray[np.intp] = np.zeros(len(self._goal), np.intp)
        self._dropped: NDArray[np.bool_] = np.zeros(len(self._worth), np.bool_)
        self._fixed: NDArray[np.bool_] = np.zeros(len(boundaries.sides), np.bool_)  # arcs that were put back
        self._most = detail.vertices
        self._crowded: NDArray[np.bool_] = np.zeros(len(self._goal), np.bool_)  # contours that had too many vertices
        self._stale: NDArray[np.bool_] = np.ones(len(self._goal), np.bool_)

    @property
    def kept(self) -> NDArray[np.bool_]:
        return (self._worth > self._tolerances[self._arc_of_point]) & ~self._dropped

    def refine(self) -> None:
        """Refine the arcs of contours that lost too much or opened a gap, until there are none."""
        while True:
            rings = np.flatnonzero(self._stale[self.boundaries.ring_region])
            lines = rings_of(self.boundaries, self.kept, rings)
            self._fidelity.update(lines, self.boundaries.ring_region[rings])
            poor = (self._fidelity.iou < self._goal) & ~self._crowded
            bad = self._relieving(poor) if poor.any() else self._near(*self._fidelity.gaps())
            restored = bad & self._thinned & ~self._fixed
            finer = bad & ~restored & (self._tolerances > 0)
            if not (finer | restored).any():
                return
            self._fixed |= restored
            changed = finer | self._put_back(restored)
            tolerances = self._tolerances[finer]
            self._tolerances[finer] = np.where(tolerances > EXACT_PX, np.maximum(tolerances * 0.8, EXACT_PX), 0)
            self._stale = self._beside(changed)

    def thin(self) -> bool:
        """Draw contours with too many vertices anew; tell whether that changed anything."""
        before, was = self.boundaries.arcs.points, self.kept
        vertices = vertices_of(self.boundaries, was)
        large = vertices > self._most
        near = self._of(large)
        if not self._crowded.any():
            self._coarse, self._coarse_vertices = self._tolerances.copy(), vertices
        self._crowded |= large
        free = near & ~self._fixed
        if not free.any():
            return False
        self._put_back(free)
        self._tolerances[near] = np.minimum(self._tolerances[near], EXACT_PX)
        cost = np.where(large, _CROWDED, 1) / np.maximum((1 - self._goal) * self._fidelity.areas, 1)
        cost[0] = 0
        kept = self.kept
        self.boundaries, thinned = thinned_of(
            self.boundaries, kept, self._fidelity.regions, cost, most=self._most, fixed=self._fixed
        )
        self._dropped |= kept & ~thinned
        changed = self._arcs_with((self.boundaries.arcs.points != before).any(axis=1) | (self.kept != was))
        self._stale = self._beside(changed)
        return bool(changed.any())

    def settle(self) -> None:
        """Give up on contours that thinning did not help: they are refined like all others."""
        many = vertices_of(self.boundaries, self.kept) > np.maximum(self._most, self._coarse_vertices)
        hopeless = self._crowded & (many | (self._fidelity.iou < self._goal))
        self._crowded[:] = False
        if hopeless.any():
            arcs = self._of(hopeless)
            self._tolerances[arcs] = self._coarse[arcs]
            self._stale = self._beside(self._put_back(arcs))
            self.refine()

    @property
    def _thinned(self) -> NDArray[np.bool_]:
        """Tell which arcs thinning changed."""
        return self._arcs_with(self._dropped | (self.boundaries.arcs.points != self._traced.arcs.points).any(axis=1))

    def _relieving(self, poor: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Choose arcs of poor contours: those of contours with too many vertices only where nothing else is left."""
        free = (self._tolerances > 0) & ~self._of(self._crowded)
        helpless = poor & ~self._beside(free)
        return np.asarray((self._of(poor) & free) | self._of(helpless), np.bool_)

    def _near(self, y: NDArray[np.intp], x: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Choose the arcs close to these pixels; where none is that can be refined, all of the pixels' regions."""
        chosen: NDArray[np.bool_] = np.zeros(len(self._tolerances), np.bool_)
        if len(y):
            close, _ = cKDTree(np.stack([x, y], axis=1) + 0.5).query(
                self.boundaries.arcs.points, distance_upper_bound=_GAP_PX
            )
            chosen[self._arc_of_point[np.isfinite(np.asarray(close))]] = True
            if not (chosen & ((self._tolerances > 0) | (self._thinned & ~self._fixed))).any():
                regions = np.zeros(len(self._goal), np.bool_)
                regions[self._fidelity.regions[y, x]] = True
                chosen = self._of(regions)
        return chosen

    def _put_back(self, arcs: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Undo what thinning did to arcs; give all arcs that this changes, since others end where they do."""
        self._dropped &= ~arcs[self._arc_of_point]
        places = np.zeros(len(self._place), np.bool_)
        places[self._place[arcs[self._arc_of_point]]] = True
        back = places[self._place]
        points = np.where(back[:, None], self._traced.arcs.points, self.boundaries.arcs.points)
        self.boundaries = replace(self.boundaries, arcs=Lines(points, self._traced.arcs.starts))
        return self._arcs_with(back)

    def _arcs_with(self, points: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return np.bincount(self._arc_of_point, points, minlength=len(self._fixed)) > 0

    def _of(self, regions: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Tell which arcs lie beside these regions."""
        return np.asarray(regions[self.boundaries.sides].any(axis=1), np.bool_)

    def _beside(self, arcs: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Tell which regions lie beside these arcs."""
        regions = np.zeros(len(self._goal), np.bool_)
        regions[self.boundaries.sides[arcs]] = True
        return regions
