"""The fully labelled volume of a bake-off, and what it would take to correct a model's outlines in it."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotation.boundaries import pieces_of
from annotation.oracle_marks import marks_towards
from flows.bakeoff.plan import Plan
from loop.minutes import Edits
from loop.places import Place, Tile
from loop.section_range import runs_of
from loop.volume import VoxelSize, open_image, open_labels, require_equal_shape
from models.dataset import TrainingBlock


@dataclass(frozen=True)
class World:
    """A volume with its truth.

    Attributes
    ----------
    image : (z, y, x) uint8
    truth : (z, y, x) uint32
    pool, holdout : tuple of int
        Sections.
    size : (float, float, float) or None
        Of a voxel in nm, where the volume says it.
    """

    image: NDArray[np.uint8]
    truth: NDArray[np.uint32]
    pool: tuple[int, ...]
    holdout: tuple[int, ...]
    size: VoxelSize | None

    def sections(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Give sections of the image."""
        return self.image[start:stop]

    def training_blocks(self, labelled: Iterable[Place]) -> list[TrainingBlock]:
        """Give what a model may learn from when these places are labelled; never a hold-out section, not even seen."""
        annotated = np.zeros(self.image.shape, np.bool_)
        for place in labelled:
            annotated[place.z][_window(place)] = True
        runs = [slice(start, stop) for start, stop in runs_of(self.pool)]
        return [TrainingBlock(self.image[run], self.truth[run], annotated[run]) for run in runs if annotated[run].any()]


def open_world(plan: Plan) -> World:
    """Read the volume of a plan into memory."""
    image, truth = open_image(plan.volume), open_labels(plan.labels)
    require_equal_shape(image, truth)
    n_sections, *extents = image.shape
    pool, holdout = plan.sections(n_sections)
    middle = tuple(_middle(extent, plan.crop_px) for extent in extents)
    return World(
        np.stack([image.section(z)[middle] for z in range(n_sections)]),
        np.stack([truth.section(z)[middle].astype(np.uint32) for z in range(n_sections)]),
        pool,
        holdout,
        image.voxel_size_nm_zyx or truth.voxel_size_nm_zyx,
    )


def edits_towards(shown: NDArray[np.uint32], truth: NDArray[np.uint32], tile: Tile | None) -> Edits:
    """Count what the oracle would do to the shown objects (y, x), or to the part of them in a tile, and look at."""
    window = tile.window if tile else np.s_[:, :]
    marks = marks_towards(shown[window], truth[window])
    return Edits(
        objects=int(pieces_of(shown[window]).max()),
        area_px=shown[window].size,
        strokes=len(marks.strokes),
        points=len(marks.points),
    )


def _window(place: Place) -> tuple[slice, slice]:
    return place.tile.window if place.tile else (slice(None), slice(None))


def _middle(extent: int, size: int | None) -> slice:
    if size is None or size >= extent:
        return slice(None)
    start = (extent - size) // 2
    return slice(start, start + size)
