"""A tile as a task: the picture shows the tile and a margin of its section around it, and only the tile counts."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from annotation.frame import Frame
from annotation.publish import SectionTask
from loop.places import Tile

_DIMMED = 0.55  # of its brightness: the margin is context


def cut_out(task: SectionTask, tile: Tile, *, margin_px: int) -> SectionTask:
    """Make a task of a tile out of the task of its section.

    Objects end at the tile's edge and keep the section's ids. The margin is darker than the tile.

    Parameters
    ----------
    task : SectionTask
        Of the whole section.
    tile : Tile
    margin_px : int
        How much of the section is shown around the tile.
    """
    frame = Frame.around(tile, (task.labels.shape[0], task.labels.shape[1]), margin_px=margin_px)
    return replace(
        task,
        image=picture_of(task.image, frame),
        before=None if task.before is None else picture_of(task.before, frame),
        after=None if task.after is None else picture_of(task.after, frame),
        labels=frame.clipped(frame.cut(task.labels)),
        membrane=None if task.membrane is None else frame.cut(task.membrane),
        frame=frame,
    )


def picture_of(image: NDArray[np.uint8], frame: Frame) -> NDArray[np.uint8]:
    """Give what is shown of a section's image (y, x): the tile, and its margin darker."""
    part = frame.cut(image)
    return np.where(frame.inside, part, (part * _DIMMED).astype(np.uint8))
