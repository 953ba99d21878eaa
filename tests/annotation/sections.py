"""Small sections for tests: cells with grey membranes between them, in one line of code each."""

import numpy as np
from numpy.typing import NDArray

from annotation.publish import SectionTask

SIZE = 96


def cells(seed: int) -> NDArray[np.uint32]:
    """Give labels (y, x): a dozen cells around random centres, membrane (0) between them."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE, :SIZE]
    distance = np.stack([np.hypot(y - cy, x - cx) for cy, cx in rng.uniform(0, SIZE, (12, 2))])
    nearest, second = np.sort(distance, axis=0)[:2]
    labels: NDArray[np.uint32] = (distance.argmin(axis=0) + 1).astype(np.uint32)
    labels[second - nearest < 3] = 0
    return labels


def image_of(labels: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Give the image (y, x) of cells: light inside, dark membranes."""
    return np.where(labels > 0, 180, 40).astype(np.uint8)


def task(z: int, iteration: int, *, labels: NDArray[np.uint32] | None = None) -> SectionTask:
    """Give a task whose pre-annotation is `labels`, by default the true cells of section z."""
    image = image_of(cells(z))
    return SectionTask(
        z=z,
        iteration=iteration,
        image=image,
        before=None,
        after=image,
        labels=cells(z) if labels is None else labels,
        reason="It is a test.",
        score=0.5,
    )
