"""What a model may learn from: labelled sections with their image neighbours, never the hold-out."""

import numpy as np

from flows.runs import Run
from loop.holdout import refuse_leak
from loop.labels import read_section
from loop.section_range import runs_of
from models.dataset import TrainingBlock

CONTEXT_SECTIONS = 4
"""Unlabelled neighbours given on both sides of a labelled section, at least what any preset's patch reaches."""


def training_blocks(run: Run) -> list[TrainingBlock]:
    """Gather the labelled sections of a run into blocks of neighbouring sections.

    Returns
    -------
    list of TrainingBlock
        Images with context; labels count only on annotated sections, and there not where the annotator was unsure.

    Raises
    ------
    HoldoutLeak
        If a frozen hold-out section is among the images.
    """
    labelled = run.ledger.trainable()
    frozen = run.ledger.created()
    reach = range(-CONTEXT_SECTIONS, CONTEXT_SECTIONS + 1)
    wanted = {z + step for z in labelled for step in reach} & set(range(run.image.shape[0]))
    # A labelled section is never dropped here: if it belongs to the hold-out, the hash check below must say so.
    wanted -= set(frozen.holdout_images) - set(labelled)
    blocks = []
    for start, stop in runs_of(wanted):
        image = run.image.sections(start, stop)
        refuse_leak(image, frozen.holdout_images)
        labels = np.zeros(image.shape, dtype=np.uint32)
        annotated = np.zeros(image.shape, dtype=bool)
        for z in range(start, stop):
            if z in labelled:
                section = read_section(run.folder.labels / labelled[z].file, labelled[z].sha256)
                labels[z - start], annotated[z - start] = section.labels, section.counted
        blocks.append(TrainingBlock(image=image, labels=labels, annotated=annotated))
    return blocks
