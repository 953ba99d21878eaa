"""The tracing that a laboratory writes with scipy and scikit-image, stage by stage, to stand beside `proofloop trace`.

Its libraries are used as they come, but nothing is done in a slower way than they offer: overlaps are counted by one
`bincount`, properties are asked for in one table, labels are warped by nearest neighbour.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter, label
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from skimage.measure import regionprops_table
from skimage.morphology import dilation, disk, erosion, h_maxima, remove_small_holes, remove_small_objects
from skimage.registration import optical_flow_ilk, phase_cross_correlation
from skimage.restoration import denoise_bilateral
from skimage.segmentation import watershed
from skimage.transform import warp

from tracing.postprocess import PostprocessConfig
from tracing.seeding import SeedingConfig

Block = NDArray[Any]
Pairs = tuple[Block, Block, Block]
"""Objects of two sections, and the intersection over union of each pair."""
_PROPERTIES = ("label", "area", "centroid", "eccentricity", "mean_intensity")
_CENTRE_PX, _GREY = 12.0, 50.0


@dataclass(frozen=True)
class Table:
    """Properties of one section's objects; row 0 is object 1."""

    area: Block
    centre: Block
    eccentricity: Block
    grey: Block


def cleaned(membrane: Block, config: PostprocessConfig) -> Block:
    """Clean the membrane of one section as `postprocess` does."""
    if config.bilateral_px:
        membrane = denoise_bilateral(
            membrane, sigma_color=config.bilateral_probability, sigma_spatial=config.bilateral_px
        )
    if config.dilation_px:
        membrane = dilation(membrane, disk(config.dilation_px))
    if config.erosion_px:
        membrane = erosion(membrane, disk(config.erosion_px))
    walls = membrane >= config.threshold
    if config.speck_px:
        large = remove_small_objects(walls, max_size=config.speck_px - 1, connectivity=2)
        membrane = np.where(walls & ~large, 0, membrane)
    if config.hole_px:
        membrane = np.where(~walls & remove_small_holes(walls, max_size=config.hole_px - 1), 1, membrane)
    return membrane


def objects_of(membrane: Block, config: SeedingConfig) -> Block:
    """Find the objects of one section as `objects_of_membrane` does."""
    distance = distance_transform_edt(membrane < config.threshold)
    smooth = gaussian_filter(np.asarray(distance, np.float32), config.smoothing_px)
    markers, _ = label(h_maxima(np.log(smooth + np.float32(0.5)), np.log(config.neck_ratio)), np.ones((3, 3)))
    return np.asarray(watershed(membrane, markers), np.int64)


def displacement(fixed: Block, moving: Block) -> Block:
    """Lay a section on another by phase correlation, then optical flow (iterative Lucas-Kanade): (2, y, x) px.

    Of scikit-image's two flows the quicker one, which was also the better one on this stack.
    """
    fixed, moving = (section / np.float32(255) for section in (fixed, moving))
    shift = np.asarray(phase_cross_correlation(moving, fixed)[0])[:, None, None]
    at = np.indices(fixed.shape) + shift
    return shift + optical_flow_ilk(fixed, warp(moving, at, mode="edge", preserve_range=True))


def warped(labels: Block, flow: Block) -> Block:
    """Carry labels of a section where `flow` leads."""
    return np.asarray(warp(labels.astype(np.float64), np.indices(labels.shape) + flow, order=0), np.int64)


def table_of(objects: Block, image: Block) -> Table:
    """Ask for the properties that costs need."""
    found = regionprops_table(objects, image, properties=_PROPERTIES)
    count = int(objects.max())
    whole = {name: np.full(count, np.nan) for name in found}
    for name, values in found.items():
        whole[name][found["label"] - 1] = values
    centre = np.stack([whole["centroid-0"], whole["centroid-1"]], axis=1)
    return Table(whole["area"], centre, whole["eccentricity"], whole["mean_intensity"])


def assigned(first: Block, second: Block, images: tuple[Block, Block] | None) -> Pairs:
    """Assign all objects of two sections by a dense matrix of costs: overlap alone, or with properties."""
    shape = (int(first.max()) + 1, int(second.max()) + 1)
    shared = np.bincount((first * shape[1] + second).ravel(), minlength=shape[0] * shape[1]).reshape(shape)
    iou = shared / (shared.sum(axis=1, keepdims=True) + shared.sum(axis=0) - shared).clip(1)
    cost = -iou[1:, 1:]
    if images:
        a, b = table_of(first, images[0]), table_of(second, images[1])
        terms = (
            np.log1p(cdist(a.centre, b.centre) / _CENTRE_PX),
            np.abs(np.log(a.area[:, None] / b.area)),
            np.abs(a.eccentricity[:, None] - b.eccentricity),
            np.abs(a.grey[:, None] - b.grey) / _GREY,
        )
        cost = np.nan_to_num(cost + 0.1 * sum(terms), nan=1e3)
    rows, columns = linear_sum_assignment(cost)
    return rows + 1, columns + 1, iou[rows + 1, columns + 1]


def linked(objects: Sequence[Block], images: Block | None, flows: Sequence[Block] | None) -> list[Pairs]:
    """Assign the objects of consecutive sections, the later ones carried by `flows` where there are some."""
    found = []
    for z, (first, second) in enumerate(pairwise(objects)):
        carried = warped(second, flows[z]) if flows else second
        found.append(assigned(first, carried, None if images is None else (images[z], images[z + 1])))
    return found


def painted(objects: Sequence[Block], pairs: Sequence[Pairs], least: float) -> Block:
    """Paint the tracks that come of the links from an intersection over union of `least` on."""
    names = np.arange(int(objects[0].max()) + 1)
    used, labels = len(names), [names[objects[0]]]
    for section, (rows, columns, iou) in zip(objects[1:], pairs, strict=True):
        count = int(section.max()) + 1
        following = np.arange(used, used + count)
        used += count
        kept = iou >= least
        following[columns[kept]] = names[rows[kept]]
        names = following
        labels.append(names[section])
    return np.stack(labels).astype(np.uint64)


def expanded(tracks: Block, membrane: Block, below: float) -> Block:
    """Let tracks grow from where the membrane probability is low, in 3D."""
    seeds = np.where(membrane < below, tracks, 0).astype(np.int32)
    return np.asarray(watershed(membrane, seeds), np.uint64)


def components(membrane: Block) -> list[Block]:
    """Find connected components in 3D below several probabilities, grown into the rest."""
    found = []
    for below in (0.02, 0.05, 0.1, 0.2, 0.3, 0.5):
        markers, _ = label(membrane < below)
        found.append(np.asarray(watershed(membrane, markers), np.uint64))
    return found
