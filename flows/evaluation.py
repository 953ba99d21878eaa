"""`proofloop evaluate`: a segmentation, or a membrane probability, against the truth."""

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from rich.table import Table

from flows.evaluation_further import Also, BySection, Counted, Further
from flows.scores import Scores, Tally
from loop.errors import InputError
from loop.labels import objects_of_section
from loop.metrics import Agreement, agreement, dice
from loop.metrics_cleft import CleftScores
from loop.metrics_links import LinkScores
from loop.metrics_overlap import overlap_of
from loop.metrics_skeleton import RunLength
from loop.progress import Progress, part_of, silent
from loop.section_range import SectionsField, parse_stretch
from loop.tolerance import without_boundaries
from loop.volume import Volume, VoxelSize, open_labels, open_volume, require_equal_shape
from models.targets import membrane_target
from tracing.seeding import SeedingConfig, objects_of_membrane, require_probability

_READ_PX = 2**24


class Tolerance(BaseModel):
    """What was left out near true boundaries, and what it hides."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    px: float
    """Pixels nearer than this to a true boundary of their section did not count."""
    counted: float
    """Share of the true objects' voxels that counted."""
    exact: Scores
    """Of the volume, with nothing left out."""


class Evaluation(BaseModel):
    """A comparison of two volumes."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    volume: Scores
    """Of labels, over all voxels; of a membrane probability, the mean of its sections."""
    sections: dict[int, Scores]
    """Of each section by itself; those without truth are not there."""
    tolerance: Tolerance | None = None
    """If one was asked for, which all other scores but Dice, links and clefts then have."""
    unsegmented: SectionsField = []
    """Sections of which the truth has objects and the segmentation none; they count as errors."""
    links: BySection[LinkScores] | None = None
    """How profiles are linked, if it was asked for."""
    clefts: BySection[CleftScores] | None = None
    """Distances of what is not 0 in both, if they were asked for."""
    run_length: RunLength | None = None
    """Along the skeletons of the true objects, if it was asked for."""


def evaluate_volumes(
    segmentation: str,
    truth: str,
    *,
    counted: Counted = Counted(),  # noqa: B008  # frozen
    also: Collection[Also] = (),
    voxel_size_nm_zyx: VoxelSize | None = None,
    progress: Progress = silent,
) -> Evaluation:
    """Compare two stored volumes, reading one section after the other.

    Parameters
    ----------
    segmentation : str
        `path[:dataset]` of instance labels, which are compared in 3D; or of a membrane probability (float in
        [0, 1], or a uint8 dataset called `membrane`), which is segmented and compared section by section.
    truth : str
        `path[:dataset]` of the true instance labels.
    counted : Counted
        Which sections, and how near to a boundary; all by default.
    also : collection of str
        What is measured besides: links, clefts, run-length.
    voxel_size_nm_zyx : tuple of float, optional
        In place of what the truth says; clefts, run-length and a tolerance in nm need it.
    progress : Progress
        Hears of the sections done.

    Raises
    ------
    InputError
        If the volumes cannot be compared, nobody says how large a voxel is where that matters, or links or run length
        are asked of a membrane probability.
    """
    given, true = open_volume(segmentation, dataset="labels"), open_labels(truth)
    require_equal_shape(given, true)
    first, stop = parse_stretch(counted.sections, name="sections", n_sections=true.shape[0])
    given, true = given.stretch(first, stop), true.stretch(first, stop)
    probability = _is_probability(given)
    _require_comparable(given, probability, also)
    tolerance_px = counted.within_px(true, voxel_size_nm_zyx)
    further = Further.asked(
        also,
        true,
        first=first,
        voxel_size_nm_zyx=voxel_size_nm_zyx,
        tolerance_px=tolerance_px,
        progress=part_of(progress, 0, 2),
    )
    if "run-length" in also:
        progress = part_of(progress, 1, 2)
    compare = _of_membrane if probability else _of_labels
    exact = Tally()
    judged = Tally() if tolerance_px else exact
    unsegmented: list[int] = []
    for z, (section, true_section) in enumerate(_sections(given, true), start=first):
        (objects, true_objects), membranes = compare(section, true_section)
        found = overlap_of(*membranes)
        exact.add(z, objects, true_objects, found)
        if tolerance_px:
            judged.add(z, objects, without_boundaries(true_objects[np.newaxis], tolerance_px)[0], found)
        if z in judged.sections and not objects.any():
            unsegmented.append(z)
        further.add(z, section, true_section)
        progress(z + 1 - first, given.shape[0])
    scored = Tally.mean if probability else Tally.whole
    volume, tolerance = scored(judged), None
    if tolerance_px:
        tolerance = Tolerance(px=tolerance_px, counted=judged.voxels / exact.voxels, exact=scored(exact))
    return Evaluation(
        volume=volume, sections=judged.sections, tolerance=tolerance, unsegmented=unsegmented, **further.found()
    )


def _require_comparable(given: Volume, probability: bool, also: Collection[Also]) -> None:
    if not probability and given.dtype.kind != "u":
        raise InputError(
            f"{given.spec} is neither labels nor a membrane probability",
            given=given.dtype,
            expected="unsigned labels, float probability, or a uint8 dataset called membrane",
            fix="store labels as uint32, or name the probability's dataset membrane",
        )
    in_3d = sorted({"links", "run-length"} & set(also))
    if probability and in_3d:
        raise InputError(
            f"{given.spec} is a membrane probability, whose objects are not followed from section to section",
            given=f"--{in_3d[0]}",
            expected="labels with 3D ids",
            fix="trace it first, with proofloop trace, and evaluate what comes out",
        )


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


def agreement_of_membrane(membrane: NDArray[Any], truth: NDArray[Any], seeding: SeedingConfig) -> Agreement:
    """Segment one section from its membrane probability `(y, x)` and compare it with its truth."""
    overlap = dice(membrane >= seeding.threshold, membrane_target(truth[np.newaxis])[0])
    return agreement(objects_of_membrane(membrane, seeding), objects_of_section(truth), dice=overlap)


def _is_probability(volume: Volume) -> bool:
    return volume.dtype.kind == "f" or (volume.dtype == np.uint8 and volume.spec.endswith(":membrane"))


def evaluation_table(result: Evaluation) -> Table:
    """Lay the measures out for a terminal."""
    title = "Agreement with the truth (truth 0 ignored)"
    if near := result.tolerance:
        title += f", what is nearer than {near.px:.3g} px to a boundary left out: {near.counted:.0%} of it counts"
    table = Table("measure", "value", "meaning", title=title)
    further = {
        "": result.volume,
        "without tolerance: ": result.tolerance and result.tolerance.exact,
        "links: ": result.links and result.links.volume,
        "clefts: ": result.clefts and result.clefts.volume,
        "run length: ": result.run_length,
    }
    for group, measured in further.items():
        for name, described in type(measured).model_fields.items() if measured else ():
            value = getattr(measured, name)
            shown = "none" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value)
            table.add_row(group + name, shown, described.description)
    return table
