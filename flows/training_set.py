"""What a model may learn from: labelled sections with their image neighbours, never the hold-out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike, NDArray

from flows.config import FurtherVolume
from flows.room import Room
from flows.runs import Run
from loop.errors import InputError
from loop.holdout import refuse_leak, refuse_near, within
from loop.labels import LabelledSection
from loop.section_range import parse_sections, require_disjoint, runs_of
from loop.training_labels import Layers, labels_of_section
from loop.volume import Volume, open_image, open_labels, open_volume, require_equal_shape
from models.dataset import TrainingBlock

IN_MEMORY_BYTES = 2 * 2**30
"""Images and labels beyond this lie in a file without a name, of which the system keeps in memory what is used."""


@dataclass(frozen=True)
class _Source:
    """A volume, the sections of it to gather with how to read their labels, and those not to be seen at all."""

    image: Volume
    sections: frozenset[int]
    labels_of: Callable[[int], LabelledSection]
    labels_type: DTypeLike
    hidden: frozenset[int] = frozenset()


def training_blocks(
    run: Run, labelled: Layers | None = None, *, in_memory_bytes: int = IN_MEMORY_BYTES
) -> list[TrainingBlock]:
    """Gather the labelled sections of a run and of its further volumes into blocks of neighbouring sections.

    Parameters
    ----------
    run : Run
        The run.
    labelled : mapping, optional
        Its labels; by default those of now.
    in_memory_bytes : int
        What is larger lies in a file.

    Returns
    -------
    list of TrainingBlock
        Images with as many neighbours as a patch sees; labels count only on annotated sections and tiles, and
        there not where the annotator was unsure. Sections for validation are seen only as neighbours.

    Raises
    ------
    HoldoutLeak
        If a frozen hold-out section is among the images, or a labelled section within its gap.
    InputError
        If a further volume cannot be used.
    """
    labelled = run.ledger.trainable() if labelled is None else labelled
    own = _own(run, labelled, frozenset(labelled) - validation_sections(run))
    further = [_further(volume) for volume in run.config.data.further]
    return list(_blocks(run, [own, *further], Room(run.folder.root, in_memory_bytes)))


def validation_blocks(run: Run, labelled: Layers | None = None) -> list[TrainingBlock]:
    """Gather the labelled sections that measure during training; none if the run has no sections for that.

    Raises
    ------
    InputError
        If it has, and none of them is labelled.
    """
    labelled = run.ledger.trainable() if labelled is None else labelled
    wanted = validation_sections(run)
    found = wanted & frozenset(labelled)
    if wanted and not found:
        raise InputError(
            "no section for validation is labelled",
            given=f"validation = {run.config.data.validation!r}",
            expected="at least one labelled section, of train or of the pool",
            fix="choose others under [data] in proofloop.toml, or leave validation empty",
        )
    return list(_blocks(run, [_own(run, labelled, found)], Room(run.folder.root, IN_MEMORY_BYTES)))


def validation_sections(run: Run) -> frozenset[int]:
    """Give the sections that the configuration sets aside: a range, or a share of the dense ones, from their end."""
    asked, train = run.config.data.validation, run.sections["train"]
    if not asked:
        return frozenset()
    if asked.endswith("%"):
        count = round(_percent(asked) / 100 * len(train))
        return frozenset(train[-max(1, count) :])
    chosen = parse_sections(asked, name="validation", n_sections=run.image.shape[0])
    require_disjoint({"validation": chosen, "holdout": run.sections["holdout"]})
    return frozenset(chosen)


def _percent(text: str) -> float:
    try:
        share = float(text.removesuffix("%"))
        if not 0 < share < 100:
            raise ValueError
    except ValueError as error:
        raise InputError(
            "the share for validation cannot be read",
            given=repr(text),
            expected="more than 0% and less than 100%, for instance 10%; or a range of sections",
            fix="mend validation under [data] in proofloop.toml",
        ) from error
    return share


def _own(run: Run, labelled: Layers, sections: frozenset[int]) -> _Source:
    created = run.ledger.created()
    refuse_near(sections, created.holdout_images, gap=created.holdout_gap)
    # A labelled section is never hidden: if it belongs to the hold-out, the comparison by hash must say so.
    hidden = within(created.holdout_images, created.holdout_gap) - sections
    return _Source(run.image, sections, lambda z: labels_of_section(run.folder, labelled[z]), np.uint32, hidden)


def _further(volume: FurtherVolume) -> _Source:
    image, labels = open_image(volume.volume), open_labels(volume.labels)
    require_equal_shape(image, labels)
    marks = open_volume(volume.annotated) if volume.annotated else None
    if marks is not None:
        require_equal_shape(image, marks)

    def labels_of(z: int) -> LabelledSection:
        section = labels.section(z)
        return LabelledSection(section, np.ones(section.shape, bool) if marks is None else marks.section(z) != 0)

    n_sections = image.shape[0]
    asked = volume.sections or f"0:{n_sections}"
    chosen = parse_sections(asked, name="sections", n_sections=n_sections)
    annotated = frozenset(z for z in chosen if (labels if marks is None else marks).section(z).any())
    if not annotated:
        raise InputError(
            "a further volume has nothing to learn from",
            given=f"{labels.spec}, sections {asked}",
            expected="at least one section with labels",
            fix="check labels, sections and annotated of this volume in proofloop.toml",
        )
    return _Source(image, annotated, labels_of, labels.dtype)


def _blocks(run: Run, sources: list[_Source], room: Room) -> Iterator[TrainingBlock]:
    frozen = run.ledger.created().holdout_images
    training = run.config.training
    # a patch that holds a labelled section at one end reaches as far as this beyond it
    reach = training.patch_sections - 1 + training.network.context_sections
    for source in sources:
        near = {z + step for z in source.sections for step in range(-reach, reach + 1)}
        for start, stop in runs_of(near & set(range(source.image.shape[0])) - source.hidden):
            shape = (stop - start, *source.image.shape[1:])
            image: NDArray[np.uint8] = room.zeros(shape, np.uint8)
            labels, annotated = room.zeros(shape, source.labels_type), room.zeros(shape, np.bool_)
            for z in range(start, stop):
                image[z - start] = source.image.section(z)
                if z in source.sections:
                    section = source.labels_of(z)
                    labels[z - start], annotated[z - start] = section.labels, section.counted
            refuse_leak(image, frozen)
            yield TrainingBlock(image=image, labels=labels, annotated=annotated)
