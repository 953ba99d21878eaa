"""What it costs to call two objects of different sections one: a sum of terms, 0 where they are alike."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.spatial import cKDTree

from tracing.tracking_objects import Measures, Numbers
from tracing.tracking_overlaps import overlap
from tracing.tracking_runs import Indices

_FAINT_IOU = 0.05
"""Keeps the logarithm finite: two objects that do not overlap at all."""
_LEAST_DETERMINANT = 1e-4


class LinkCosts(BaseModel):
    """Weights of the terms; the sum is in nats, as it was fitted: 1 more makes a link e times less likely."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    overlap: float = Field(default=2.5, ge=0)
    """Times -log of the overlap (intersection over union) after registration."""
    containment: float = Field(default=0.9, ge=0)
    """Times the part of the smaller object that lies outside the larger one."""
    centre: float = Field(default=0.1, ge=0)
    """Times the distance of the centres in units of `centre_nm`."""
    centre_nm: float = Field(default=144.0, gt=0)
    """The distance that costs `centre`."""
    offset: float = Field(default=0.2, ge=0)
    """Times the log of one plus the squared distance of the centres in units of the objects' own extent."""
    area: float = Field(default=0.5, ge=0)
    """Times the log of the ratio of areas, the larger over the smaller."""
    shape: float = Field(default=0.6, ge=0)
    """Times the Bhattacharyya distance of the ellipses that fit the objects, their centres laid together."""
    grey: float = Field(default=0.1, ge=0)
    """Times the difference of mean grey, in local standard deviations."""
    ending: float = Field(default=4.8, gt=0)
    """Cost of an object that ends, and of one that begins: two objects are never linked for more than both."""
    reach_nm: float = Field(default=250.0, gt=0)
    """Objects are compared whose centres are no farther apart after registration, or that nearly touch."""
    touching_nm: float = Field(default=72.0, ge=0)
    """Objects nearly touch if they share pixels after each is grown by this much into the background around it."""

    def link_apart(self) -> bool:
        """Say whether two objects without a common pixel can be linked, or always cost more than both ending."""
        return bool(self.containment - self.overlap * np.log(_FAINT_IOU / (1 + _FAINT_IOU)) < 2 * self.ending)


@dataclass(frozen=True)
class Candidates:
    """Pairs of objects that might be one.

    Attributes
    ----------
    first, second : (pairs,) int64
        Objects of the earlier and of the later section.
    cost : (pairs,) float64
        Not negative.
    shared_px : (pairs,) float64
        Pixels that the two share after registration.
    """

    first: Indices
    second: Indices
    cost: Numbers
    shared_px: Numbers

    def where(self, kept: NDArray[np.bool_]) -> "Candidates":
        """Give the pairs for which `kept` is true."""
        return Candidates(self.first[kept], self.second[kept], self.cost[kept], self.shared_px[kept])


@dataclass(frozen=True)
class Seen:
    """A section's objects as they are compared: labels (y, x) int32 in the earlier section's frame, and measures."""

    labels: NDArray[np.int32]
    measures: Measures


def candidates(first: Seen, second: Seen, costs: LinkCosts, *, pixel_nm: float) -> Candidates:
    """List the pairs that might be one object, with their costs.

    Only neighbours are listed, so the number of pairs grows with the number of objects and not with its square; and
    only those that share pixels, where others would cost too much to be linked.

    Parameters
    ----------
    first, second : Seen
        Two sections, the second carried into the frame of the first.
    costs : LinkCosts
        Weights and reach.
    pixel_nm : float
        Size of a pixel within the section.
    """
    counts = (len(first.measures.area_px) - 1, len(second.measures.area_px) - 1)
    common = overlap(first.labels, second.labels, counts)
    if costs.link_apart():
        a, b = _neighbours(first, second, costs, pixel_nm)
        shared = common.shared_by(a, b)
    else:
        a, b, shared = common.first, common.second, common.shared_px
    cost = _cost(first.measures, second.measures, (a, b), shared, costs=costs, pixel_nm=pixel_nm)
    return Candidates(a, b, cost, shared)


def _neighbours(first: Seen, second: Seen, costs: LinkCosts, pixel_nm: float) -> tuple[Indices, Indices]:
    counts = (len(first.measures.area_px) - 1, len(second.measures.area_px) - 1)
    grown = [_grown(seen.labels, costs.touching_nm / pixel_nm) for seen in (first, second)]
    touching = overlap(grown[0], grown[1], counts)
    present = [np.flatnonzero(seen.measures.area_px[1:]) + 1 for seen in (first, second)]
    if not all(len(some) for some in present):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    trees = [cKDTree(seen.measures.centre_px[some]) for seen, some in zip((first, second), present, strict=True)]
    near = trees[0].sparse_distance_matrix(trees[1], costs.reach_nm / pixel_nm, output_type="ndarray")
    keys = np.concatenate(
        [
            touching.first * (counts[1] + 1) + touching.second,
            present[0][near["i"]] * (counts[1] + 1) + present[1][near["j"]],
        ]
    )
    a, b = np.divmod(np.unique(keys), counts[1] + 1)
    return a, b


def _grown(labels: NDArray[np.int32], distance_px: float) -> NDArray[np.int32]:
    """Give background pixels within a distance of an object to the nearest one."""
    empty = labels == 0
    if not empty.any() or empty.all():
        return labels
    apart, nearest = cv2.distanceTransformWithLabels(
        empty.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    grown = labels[~empty][nearest - 1]  # the pixels of objects are numbered from 1, row by row
    return np.asarray(np.where(apart <= distance_px, grown, 0), np.int32)


def _cost(
    first: Measures,
    second: Measures,
    pairs: tuple[Indices, Indices],
    shared_px: Numbers,
    *,
    costs: LinkCosts,
    pixel_nm: float,
) -> Numbers:
    a, b = pairs
    area_a, area_b = first.area_px[a], second.area_px[b]
    step = second.centre_px[b] - first.centre_px[a]
    spread_a, spread_b = first.spread_px2[a], second.spread_px2[b]
    spread = (spread_a + spread_b) / 2
    size = _determinant(spread)
    squared = (
        step[:, 0] ** 2 * spread[:, 2] - 2 * step[:, 0] * step[:, 1] * spread[:, 1] + step[:, 1] ** 2 * spread[:, 0]
    ) / size
    iou = shared_px / (area_a + area_b - shared_px)
    return np.asarray(
        costs.overlap * -np.log((iou + _FAINT_IOU) / (1 + _FAINT_IOU))
        + costs.containment * (1 - shared_px / np.minimum(area_a, area_b))
        + costs.centre * np.hypot(step[:, 0], step[:, 1]) * pixel_nm / costs.centre_nm
        + costs.offset * np.log1p(squared / 8)
        + costs.area * np.abs(np.log(area_a / area_b))
        + costs.shape * np.maximum(0.5 * np.log(size / np.sqrt(_determinant(spread_a) * _determinant(spread_b))), 0)
        + costs.grey * np.abs(first.grey[a] - second.grey[b])
    )


def _determinant(spread: Numbers) -> Numbers:
    return np.maximum(spread[:, 0] * spread[:, 2] - spread[:, 1] ** 2, _LEAST_DETERMINANT)
