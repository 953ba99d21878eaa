"""Patches to learn from: an endless, reproducible stream out of partly annotated stacks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loop.errors import InputError
from models.augment import augment
from models.augment_config import AugmentConfig
from models.targets import Target

NOT_ANNOTATED = np.int32(-1)


@dataclass(frozen=True)
class TrainingBlock:
    """A stack of sections of which some are annotated.

    Attributes
    ----------
    image : (z, y, x) uint8
        Every section, also those that serve only as context.
    labels : (z, y, x) unsigned
        Instances, 0 = membrane; heeded only where annotated.
    annotated : (z,) or (z, y, x) bool
        Which sections, or which voxels of them, have labels that count.
    """

    image: NDArray[np.uint8]
    labels: NDArray[np.unsignedinteger]
    annotated: NDArray[np.bool_]

    def __post_init__(self) -> None:
        if (
            self.image.ndim != 3
            or self.image.shape != self.labels.shape
            or self.annotated.shape not in (self.image.shape[:1], self.image.shape)
        ):
            raise InputError(
                "the parts of a training block do not fit together",
                given=f"image {self.image.shape}, labels {self.labels.shape}, annotated {self.annotated.shape}",
                expected="image and labels of one shape (z, y, x) and one flag a section or voxel",
                fix="cut image, labels and flags from the same sections",
            )
        if self.image.size == 0:
            raise InputError(
                "a training block is empty",
                given=f"image {self.image.shape}",
                expected="at least one section with pixels",
                fix="check the range of sections and the crop",
            )
        if self.image.dtype != np.uint8 or self.labels.dtype.kind != "u" or self.annotated.dtype != np.bool_:
            raise InputError(
                "the parts of a training block have the wrong type",
                given=f"image {self.image.dtype}, labels {self.labels.dtype}, annotated {self.annotated.dtype}",
                expected="image uint8, labels unsigned integer, annotated bool",
                fix="convert the arrays before training",
            )

    @property
    def sections_annotated(self) -> NDArray[np.bool_]:
        """Which sections (z,) have any label that counts."""
        return np.array([section.any() for section in self.annotated], dtype=bool)


@dataclass(frozen=True)
class Sample:
    """One thing to learn: `image` (z + 2 * context, y, x) in [0, 1]; `target` and `mask` (channel, z, y, x)."""

    image: NDArray[np.float32]
    target: NDArray[np.float32]
    mask: NDArray[np.float32]


@dataclass(frozen=True)
class PatchShape:
    """Extents of a sample: `sections` of target, `px` along y and x, `context` more sections either side."""

    sections: int
    px: int
    context: int


class PatchSampler:
    """Samples by number: equal seed and number give an equal sample, whoever asks and in whatever order.

    Parameters
    ----------
    blocks : sequence of TrainingBlock
        Sections are drawn evenly from all that are annotated.
    shape : PatchShape
        Patches are centred on an annotated section; what they need beyond a block's ends is its reflection.
    target : Target
        What is to be learnt.
    augmentation : AugmentConfig
        How samples are altered.
    seed : int
        Decides all of it.
    foreground_rate : float
        Share of samples that hold a labelled voxel of an instance, if their section has any; the others lie anywhere.

    Raises
    ------
    InputError
        Nothing is annotated, the annotated sections hold no instance, or a block is smaller than a patch.
    """

    def __init__(
        self,
        blocks: Sequence[TrainingBlock],
        shape: PatchShape,
        *,
        target: Target,
        augmentation: AugmentConfig,
        seed: int,
        foreground_rate: float = 0.0,
    ) -> None:
        _check(blocks, shape, target)
        self._blocks, self._shape, self._seed = tuple(blocks), shape, seed
        self._target, self._augmentation = target, augmentation
        self._foreground_rate = foreground_rate
        self._centres = [
            (number, int(z)) for number, block in enumerate(blocks) for z in np.flatnonzero(block.sections_annotated)
        ]

    def sample(self, number: int) -> Sample:
        """Give sample `number` of the stream."""
        rng = np.random.default_rng((self._seed, number))
        which, centre = self._centres[rng.integers(len(self._centres))]
        block, shape = self._blocks[which], self._shape
        top, left = self._corner(which, centre, rng)
        depth = shape.sections + 2 * shape.context
        first = centre - shape.context - int(rng.integers(shape.sections))
        z = reflected(np.arange(first, first + depth), len(block.image))
        window = (slice(top, top + shape.px), slice(left, left + shape.px))
        annotated = block.annotated[z][:, None, None] if block.annotated.ndim == 1 else block.annotated[(z, *window)]
        instances = _small_numbers(self._target.instances(block.labels[(z, *window)]))
        labels = np.where(annotated, instances, NOT_ANNOTATED)
        patch = augment(block.image[(z, *window)], labels, config=self._augmentation, rng=rng)
        return self._cut(patch.image, patch.labels)

    def _corner(self, which: int, centre: int, rng: np.random.Generator) -> tuple[int, int]:
        """Draw where a patch begins along y and x."""
        block, px = self._blocks[which], self._shape.px
        _, height, width = block.image.shape
        # no number is drawn for a rate of 0, so that the stream stays what it was
        if self._foreground_rate and rng.random() < self._foreground_rate:
            labelled = np.flatnonzero((self._target.instances(block.labels[centre]) > 0) & block.annotated[centre])
            if len(labelled):
                row, column = divmod(int(labelled[rng.integers(len(labelled))]), width)
                return _around(row, height, px, rng), _around(column, width, px, rng)
        return int(rng.integers(height - px + 1)), int(rng.integers(width - px + 1))

    def _cut(self, image: NDArray[np.float32], labels: NDArray[np.int32]) -> Sample:
        inner = labels[self._shape.context : self._shape.context + self._shape.sections]
        annotated = inner != NOT_ANNOTATED
        target, mask = self._target.drawn(np.where(annotated, inner, 0).astype(np.uint32), annotated)
        return Sample(image=image, target=target, mask=mask)


def _around(position: int, extent: int, px: int, rng: np.random.Generator) -> int:
    """Draw the beginning of `px` pixels inside `extent` that hold `position`."""
    return int(rng.integers(max(0, position - px + 1), min(position, extent - px) + 1))


def reflected(sections: NDArray[np.integer], count: int) -> NDArray[np.intp]:
    """Fold section numbers beyond either end of `count` sections back inside, the end section being the mirror."""
    if count == 1:
        return np.zeros(len(sections), dtype=np.intp)
    period = 2 * (count - 1)
    folded = np.mod(sections, period)
    inside: NDArray[np.intp] = np.minimum(folded, period - folded).astype(np.intp)
    return inside


def _small_numbers(labels: NDArray[np.unsignedinteger]) -> NDArray[np.int32]:
    """Renumber the instances where float32, in which patches are warped, would not hold their numbers exactly."""
    if labels.max(initial=0) < 2**24:
        return labels.astype(np.int32)
    ids, numbers = np.unique(labels, return_inverse=True)
    first = 0 if ids[0] == 0 else 1
    small: NDArray[np.int32] = (numbers.reshape(labels.shape) + first).astype(np.int32)
    return small


def _check(blocks: Sequence[TrainingBlock], shape: PatchShape, target: Target) -> None:
    if not any(block.annotated.any() for block in blocks):
        raise InputError(
            "there is nothing to learn from",
            given=f"{len(blocks)} blocks without an annotated section",
            expected="at least one annotated section",
            fix="give labels for at least one section",
        )
    # section by section, since the labels need not fit in memory
    if not any(
        target.instances(labels[counts]).any()
        for block in blocks
        for labels, counts in zip(block.labels, block.annotated, strict=True)
    ):
        chosen = f" or none of the chosen {list(target.ids)}" if target.name == "binary" else ""
        raise InputError(
            "the labels have no foreground",
            given=f"annotated sections in which every voxel is 0{chosen}",
            expected="instances with numbers above 0; 0 is membrane",
            fix="check that the right dataset was given as labels, and the right ids if a target has them",
        )
    for block in blocks:
        if min(block.image.shape[1:]) < shape.px:
            raise InputError(
                "the patch is larger than the sections",
                given=f"patch of {shape.px} px, sections of {block.image.shape[1]} x {block.image.shape[2]} px",
                expected="a patch no larger than the sections along y and x",
                fix="set a smaller patch_px in the training settings",
            )
