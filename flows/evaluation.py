"""`proofloop evaluate`: a segmentation, or a membrane probability, against the truth."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from rich.table import Table

from loop.contingency import Contingency, contingency, merged
from loop.errors import InputError
from loop.labels import objects_of_section
from loop.metrics import Agreement, agreement, dice
from loop.metrics_overlap import Overlap, overlap_of
from loop.metrics_partition import partition_scores
from loop.progress import Progress, silent
from loop.tolerance import without_boundaries
from loop.volume import Volume, open_labels, open_volume, require_equal_shape
from models.targets import membrane_target
from tracing.seeding import SeedingConfig, objects_of_membrane, require_probability

_NOTHING = (np.zeros(0, dtype=np.uint8), np.zeros(0, dtype=np.uint8))
_READ_PX = 2**24
_MERGED_AT = 64
"""Tables of sections that are kept before they are added up, which costs time by the pairs in all."""


class Scores(BaseModel):
    """Agreement with the truth of a section or a volume; truth 0 is ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    voi_split: float
    """H(segmentation | truth), bits: how much objects are cut apart."""
    voi_merge: float
    """H(truth | segmentation), bits: how much objects are run together."""
    adapted_rand_error: float
    """One minus the harmonic mean of pair precision and pair recall (SNEMI3D's measure)."""
    precision: float
    """Share of the pixel pairs joined by the segmentation that the truth joins; merges lower it."""
    recall: float
    """Share of the pixel pairs joined by the truth that the segmentation joins; splits lower it."""
    dice: float
    """Dice coefficient of the membrane class."""
    cremi_score: float
    """Geometric mean of VOI and adapted Rand error (CREMI), 0 = perfect."""
    rand: float
    """V^Rand, foreground-restricted (ISBI 2012), 1 = perfect."""
    rand_split: float
    """Its part that splits lower."""
    rand_merge: float
    """Its part that merges lower."""
    information: float
    """V^Info, foreground-restricted (ISBI 2012), 1 = perfect."""
    information_split: float
    """Its part that splits lower."""
    information_merge: float
    """Its part that merges lower."""


class Evaluation(BaseModel):
    """A comparison of two volumes."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    volume: Scores
    """Of labels, over all voxels; of a membrane probability, the mean of its sections."""
    sections: dict[int, Scores]
    """Of each section by itself; those without truth are not there."""


def evaluate_volumes(
    segmentation: str, truth: str, *, tolerance_px: float = 0, progress: Progress = silent
) -> Evaluation:
    """Compare two stored volumes, reading one section after the other.

    Parameters
    ----------
    segmentation : str
        `path[:dataset]` of instance labels, which are compared in 3D; or of a membrane probability (float in
        [0, 1], or a uint8 dataset called `membrane`), which is segmented and compared section by section.
    truth : str
        `path[:dataset]` of the true instance labels.
    tolerance_px : float
        Pixels of a section nearer than this to a true boundary do not count, see `without_boundaries`; the Dice
        coefficient, which is about boundaries, counts all.
    progress : Progress
        Hears of the sections done.
    """
    given, true = open_volume(segmentation, dataset="labels"), open_labels(truth)
    require_equal_shape(given, true)
    probability = _is_probability(given)
    if not probability and given.dtype.kind != "u":
        raise InputError(
            f"{given.spec} is neither labels nor a membrane probability",
            given=given.dtype,
            expected="unsigned labels, float probability, or a uint8 dataset called membrane",
            fix="store labels as uint32, or name the probability's dataset membrane",
        )
    compare = _of_membrane if probability else _of_labels
    tables, overlap = [contingency(*_NOTHING)], Overlap(0, 0)
    sections: dict[int, Scores] = {}
    for z, (section, true_section) in enumerate(_sections(given, true)):
        labels, membranes = compare(section, true_section)
        table = contingency(labels[0], without_boundaries(labels[1][np.newaxis], tolerance_px)[0])
        found = overlap_of(*membranes)
        if len(table.voxels):
            sections[z] = _scores(table, found)
        tables, overlap = [*tables, table], overlap + found
        if len(tables) == _MERGED_AT:
            tables = [merged(tables)]
        progress(z + 1, given.shape[0])
    return Evaluation(volume=_mean(sections) if probability else _scores(merged(tables), overlap), sections=sections)


_Pair = tuple[NDArray[Any], NDArray[Any]]


def _sections(first: Volume, second: Volume) -> Iterator[_Pair]:
    """Read two volumes section by section, several at a time, since files may store several in a chunk."""
    n_sections, height, width = first.shape
    at_once = max(1, _READ_PX // (height * width))
    for start in range(0, n_sections, at_once):
        stop = min(start + at_once, n_sections)
        yield from zip(first.sections(start, stop), second.sections(start, stop), strict=True)


def _of_labels(labels: NDArray[Any], truth: NDArray[Any]) -> tuple[_Pair, _Pair]:
    """Give what is compared of a section: objects, and membranes."""
    return (labels, truth), (membrane_target(labels[np.newaxis])[0], membrane_target(truth[np.newaxis])[0])


def _of_membrane(membrane: NDArray[Any], truth: NDArray[Any]) -> tuple[_Pair, _Pair]:
    if membrane.dtype == np.uint8:
        membrane = membrane.astype(np.float32) / np.float32(255)
    require_probability(membrane)
    config = SeedingConfig()
    objects = objects_of_membrane(membrane, config), objects_of_section(truth)
    return objects, (membrane >= config.threshold, membrane_target(truth[np.newaxis])[0])


def _scores(table: Contingency, overlap: Overlap) -> Scores:
    return Scores(dice=overlap.dice, **asdict(partition_scores(table)))


def _mean(sections: Mapping[int, Scores]) -> Scores:
    if not sections:
        raise InputError(
            "the truth holds no object", given="labels that are 0 everywhere", expected="one or more", fix="label some"
        )
    return Scores(
        **{name: float(np.mean([getattr(s, name) for s in sections.values()])) for name in Scores.model_fields}
    )


def agreement_of_membrane(membrane: NDArray[Any], truth: NDArray[Any], seeding: SeedingConfig) -> Agreement:
    """Segment one section from its membrane probability `(y, x)` and compare it with its truth."""
    overlap = dice(membrane >= seeding.threshold, membrane_target(truth[np.newaxis])[0])
    return agreement(objects_of_membrane(membrane, seeding), objects_of_section(truth), dice=overlap)


def _is_probability(volume: Volume) -> bool:
    return volume.dtype.kind == "f" or (volume.dtype == np.uint8 and volume.spec.endswith(":membrane"))


def evaluation_table(result: Evaluation) -> Table:
    """Lay the measures out for a terminal."""
    table = Table("measure", "value", "meaning", title="Agreement with the truth (truth 0 ignored)")
    for name, field in Scores.model_fields.items():
        table.add_row(name, f"{getattr(result.volume, name):.4f}", field.description)
    return table
