"""The labels that a model learns from, as they stood when its training began."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from loop.answer_events import SectionLabelled
from loop.events import Trained, TrainingBegun
from loop.labels import LabelledSection, combined, read_section, section_hash
from loop.ledger import Ledger
from loop.run import RunFolder

Layers = Mapping[int, Sequence[SectionLabelled]]
"""Labels of whole sections and tiles, the oldest first, keyed by z."""


def seen_in_training(ledger: Ledger, iteration: int) -> Ledger:
    """Give the ledger as the training of an iteration saw it, or as it is now if that has not begun.

    Labels that come in while a model trains are for the next one.
    """
    begun = [event for event in ledger.of_kind(TrainingBegun) if event.iteration == iteration]
    if begun:
        return ledger.before(begun[-1])
    trained = ledger.stage(Trained, iteration)  # runs of older versions did not record the beginning
    return ledger.before(trained) if trained else ledger


def labels_of_section(folder: RunFolder, layers: Sequence[SectionLabelled]) -> LabelledSection:
    """Read what may be learnt from a section: its layers laid over each other.

    Raises
    ------
    InputError
        If a file is gone or was changed.
    """
    return combined([(_layer(folder, event), event.tile) for event in layers])


def labels_sha256(sections: Iterator[tuple[int, LabelledSection]]) -> str:
    """Hash the labels of sections, ascending by z, and where they count."""
    digest = hashlib.sha256()
    for z, section in sections:
        digest.update(f"{z} {section_hash(section.labels)} {section_hash(section.counted)}\n".encode())
    return digest.hexdigest()


def labels_of_sections(
    folder: RunFolder, labelled: Layers, sections: Sequence[int]
) -> Iterator[tuple[int, LabelledSection]]:
    """Read what may be learnt from some labelled sections, one after the other."""
    for z in sorted(sections):
        yield z, labels_of_section(folder, labelled[z])


def _layer(folder: RunFolder, event: SectionLabelled) -> LabelledSection:
    """Read one version; where the annotator found it unfit, nothing counts."""
    section = read_section(folder.labels / event.file, event.sha256)
    unfit = event.correction is not None and event.correction.discarded
    return replace(section, counted=np.zeros_like(section.counted)) if unfit else section
