r"""Measure how far the oracle's strokes and points bring a model's segmentation to the truth.

python benchmarks/operations.py --volume v.h5:raw --labels v.h5:labels --sections 50,54,58,62,66,70,74,78,82,86 \
    --membrane RUN/iterations/001/prediction.zarr:membrane

Prints for every section the VOI (bits, truth 0 ignored, profiles of one section compared) before and after; what exact
lines instead of strokes would have given on the same outlines, since these have the model's borders and not the
truth's; what these borders cost by themselves (every true object known but for the ribbon within 2 px of its border,
which the watershed of the membrane map decides); the VOI without that ribbon; and the operations beside the vertices
that an editor of polygons has to place for the same differences.
"""

import argparse
from collections import Counter
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.measure import label
from skimage.segmentation import expand_labels, watershed

from annotation.contours import contours_of
from annotation.marks import Marks
from annotation.operations import operate
from annotation.oracle import OracleRules, corrected
from annotation.oracle_marks import MarkRules, marks_towards, relabelled
from annotation.project import CUT, GROW, JOIN, REMOVE
from annotation.regions import polygon_region, region_id
from loop.labels import objects_of_section
from loop.metrics import agreement
from loop.volume import open_labels, open_volume
from tracing.seeding import SeedingConfig, objects_of_membrane

MIN_OBJECT_PX, BORDER_PX = 25, 1  # as a run's configuration has them
TOLERANCE_PX = 2  # of where a border runs, in the second measure


@dataclass(frozen=True)
class Row:
    """One section."""

    before: float
    after: float
    exact: float
    floor: float
    tolerant_before: float
    tolerant_after: float
    operations: Counter[str]
    idle: int
    vertices: int
    seconds: float


def main() -> None:
    """Measure the sections and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--volume", required=True, help="image, path:dataset")
    parser.add_argument("--labels", required=True, help="true labels, path:dataset")
    parser.add_argument("--membrane", required=True, help="the model's membrane probability (uint8), path:dataset")
    parser.add_argument("--sections", required=True, help="z, comma-separated")
    options = parser.parse_args()
    image, truth, membrane = open_volume(options.volume), open_labels(options.labels), open_volume(options.membrane)
    if not image.shape == truth.shape == membrane.shape:
        parser.error(f"shapes differ: volume {image.shape}, labels {truth.shape}, membrane {membrane.shape}")
    print(
        "  z   VOI before  after  exact  floor | borders +-2 px: before  after | cut join grow remove idle | vertices"
    )
    rows = []
    for z in map(int, options.sections.split(",")):
        row = measured(membrane.section(z).astype(np.float32) / 255, truth.section(z), z)
        rows.append(row)
        counts = " ".join(f"{row.operations[kind]:4d}" for kind in (CUT, JOIN, GROW, REMOVE))
        print(
            f"{z:3d} {row.before:12.3f} {row.after:6.3f} {row.exact:6.3f} {row.floor:6.3f} |"
            f" {row.tolerant_before:22.3f} {row.tolerant_after:6.3f} | {counts} {row.idle:4d} | {row.vertices:8d}",
            flush=True,
        )
    mean = {
        name: float(np.mean([getattr(row, name) for row in rows])) for name in ("before", "after", "exact", "floor")
    }
    tolerant = float(np.mean([row.tolerant_after for row in rows]))
    operations = sum(row.operations.total() for row in rows) / len(rows)
    vertices = sum(row.vertices for row in rows) / len(rows)
    print(f"mean VOI {mean['before']:.3f} -> {mean['after']:.3f}; with exact lines {mean['exact']:.3f}")
    print(f"mean VOI of the model's borders alone {mean['floor']:.3f}")
    print(f"mean VOI with borders +-{TOLERANCE_PX} px left out after: {tolerant:.3f}")
    print(f"operations per section {operations:.0f}, vertices of an editor of polygons {vertices:.0f}")
    print(f"mean seconds to apply them {np.mean([row.seconds for row in rows]):.2f}")


def measured(membrane: NDArray[np.float32], truth: NDArray[Any], z: int) -> Row:
    """Let the oracle mark one section, apply the marks, compare."""
    shown = pre_annotation(membrane)
    rules = MarkRules()
    marks = marks_towards(shown, truth, rules, seed=z)
    began = perf_counter()
    done = operate(shown, membrane, marks)
    seconds = perf_counter() - began
    inner = np.where(_near_borders(truth), 0, objects_of_section(truth))
    true = objects_of_section(truth)
    return Row(
        before=_voi(shown, true),
        after=_voi(done.labels, true),
        exact=_voi(relabelled(shown, truth, rules), true),
        floor=_voi(watershed(membrane, inner), true),
        tolerant_before=_voi(shown, inner),
        tolerant_after=_voi(done.labels, inner),
        operations=_operations(marks),
        idle=len(done.faults),
        vertices=_vertices(shown, truth, z),
        seconds=seconds,
    )


def pre_annotation(membrane: NDArray[np.float32]) -> NDArray[np.uint32]:
    """Give the labels that a run would publish for this membrane."""
    objects = np.where(membrane < SeedingConfig().threshold, objects_of_membrane(membrane), 0)
    specks = np.bincount(objects.ravel()) < MIN_OBJECT_PX
    return np.asarray(expand_labels(np.where(specks[objects], 0, objects), BORDER_PX), np.uint32)


def _operations(marks: Marks) -> Counter[str]:
    return Counter(stroke.label for stroke in marks.strokes) + Counter(point.label for point in marks.points)


def _vertices(shown: NDArray[np.uint32], truth: NDArray[Any], z: int) -> int:
    """Count the vertices of all outlines that the polygon oracle reshapes or draws."""
    shape = (shown.shape[0], shown.shape[1])
    regions: list[dict[str, Any]] = [
        polygon_region(region_id(z, contour), contour.points, shape) for contour in contours_of(shown)
    ]
    kept = {str(region["value"]) for region in regions}
    result, _ = corrected(regions, truth, OracleRules(), z=z, layer=np.zeros(shape, np.int32))
    return sum(len(region["value"]["points"]) for region in result if str(region["value"]) not in kept)


def _near_borders(truth: NDArray[Any]) -> NDArray[np.bool_]:
    objects = objects_of_section(truth)
    inside = np.ones(objects.shape, np.bool_)
    for axis in (0, 1):
        for shift in range(1, TOLERANCE_PX + 1):
            same = np.take(objects, range(shift, objects.shape[axis]), axis) == np.take(
                objects, range(objects.shape[axis] - shift), axis
            )
            ahead = np.pad(same, [(0, shift) if one == axis else (0, 0) for one in (0, 1)], constant_values=True)
            behind = np.pad(same, [(shift, 0) if one == axis else (0, 0) for one in (0, 1)], constant_values=True)
            inside &= ahead & behind
    return ~inside


def _voi(labels: NDArray[Any], true: NDArray[Any]) -> float:
    """Compare after the membrane between objects is given to them; background farther away counts as objects."""
    grown = expand_labels(labels.astype(np.int64), 5)
    background = label(grown == 0, connectivity=1)
    filled = np.where(grown == 0, grown.max() + background, grown)
    return agreement(filled.astype(np.uint32), true.astype(np.uint32), dice=0).voi


if __name__ == "__main__":
    main()
