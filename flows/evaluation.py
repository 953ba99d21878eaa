"""`proofloop evaluate`: a segmentation, or a membrane probability, against the truth."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from loop.errors import InputError
from loop.labels import objects_of_section
from loop.metrics import Agreement, agreement, dice, mean_agreement
from loop.progress import Progress, silent
from loop.volume import Volume, open_labels, open_volume, require_equal_shape
from models.targets import membrane_target
from tracing.seeding import SeedingConfig, objects_of_membrane, require_probability


def evaluate_volumes(segmentation: str, truth: str, *, progress: Progress = silent) -> Agreement:
    """Compare two stored volumes.

    Parameters
    ----------
    segmentation : str
        `path[:dataset]` of instance labels, which are compared in 3D; or of a membrane probability (float in
        [0, 1], or a uint8 dataset called `membrane`), which is segmented and compared section by section.
    truth : str
        `path[:dataset]` of the true instance labels.
    progress : Progress
        Hears of the sections done.
    """
    given, true = open_volume(segmentation, dataset="labels"), open_labels(truth)
    require_equal_shape(given, true)
    if _is_probability(given):
        return _by_section(given, true, progress)
    if given.dtype.kind != "u":
        raise InputError(
            f"{given.spec} is neither labels nor a membrane probability",
            given=given.dtype,
            expected="unsigned labels, float probability, or a uint8 dataset called membrane",
            fix="store labels as uint32, or name the probability's dataset membrane",
        )
    labels, truth_labels = given.sections(0, given.shape[0]), true.sections(0, true.shape[0])
    result = agreement(labels, truth_labels, dice=dice(membrane_target(labels), membrane_target(truth_labels)))
    progress(given.shape[0], given.shape[0])
    return result


def agreement_of_membrane(membrane: NDArray[Any], truth: NDArray[Any], seeding: SeedingConfig) -> Agreement:
    """Segment one section from its membrane probability `(y, x)` and compare it with its truth."""
    overlap = dice(membrane >= seeding.threshold, membrane_target(truth[np.newaxis])[0])
    return agreement(objects_of_membrane(membrane, seeding), objects_of_section(truth), dice=overlap)


def _is_probability(volume: Volume) -> bool:
    return volume.dtype.kind == "f" or (volume.dtype == np.uint8 and volume.spec.endswith(":membrane"))


def _by_section(given: Volume, true: Volume, progress: Progress) -> Agreement:
    sections = []
    for z in range(given.shape[0]):
        membrane, truth = given.section(z), true.section(z)
        if given.dtype == np.uint8:
            membrane = membrane.astype(np.float32) / 255
        require_probability(membrane)
        if truth.any():
            sections.append(agreement_of_membrane(membrane, truth, SeedingConfig()))
        progress(z + 1, given.shape[0])
    return mean_agreement(sections)


def evaluation_table(result: Agreement) -> Table:
    """Lay the measures out for a terminal."""
    table = Table("measure", "value", "meaning", title="Agreement with the truth (truth 0 ignored)")
    for name, field in Agreement.model_fields.items():
        table.add_row(name, f"{getattr(result, name):.4f}", field.description)
    return table
