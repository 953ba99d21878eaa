r"""Measure how far the oracle's strokes and points bring a model's segmentation to the truth.

python benchmarks/operations.py --volume v.h5:raw --labels v.h5:labels --sections 50,54,58,62,66,70,74,78,82,86 \
    --membrane RUN/iterations/001/prediction.zarr:membrane

Prints for every section the VOI (bits, truth 0 ignored, profiles of one section compared) before and after; what exact
lines instead of strokes would have given on the same outlines, since these have the model's borders and not the
truth's; what these borders cost by themselves (every true object known but for the ribbon within 2 px of its border,
which the watershed of the membrane map decides); the first three again as CREMI judges, without what lies within 25 nm
of a true border (docs/decisions/0019); and the operations beside the vertices that an editor of polygons has to place
for the same differences.
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
from flows.outlines import outlines
from loop.labels import objects_of_section
from loop.metrics import agreement
from loop.tolerance import tolerance_px_of, without_boundaries
from loop.volume import open_labels, open_volume
from tracing.seeding import SeedingConfig

MIN_OBJECT_PX, BORDER_PX = 25, 1  # as a run's configuration has them
RIBBON_PX = 2  # along true borders, which the model alone decides for the floor
STAGES = ("before", "after", "exact", "floor")  # the last is 0 by itself where its ribbon does not count


@dataclass(frozen=True)
class Row:
    """One section: VOI of the stages, plain and with the tolerance; the share of the true objects that then counts."""

    plain: dict[str, float]
    tolerant: dict[str, float]
    counted: float
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
    parser.add_argument("--tolerance-nm", type=float, default=25, help="as CREMI's border_threshold")
    options = parser.parse_args()
    image, truth, membrane = open_volume(options.volume), open_labels(options.labels), open_volume(options.membrane)
    if not image.shape == truth.shape == membrane.shape:
        parser.error(f"shapes differ: volume {image.shape}, labels {truth.shape}, membrane {membrane.shape}")
    if truth.voxel_size_nm_zyx is None:
        parser.error(f"{truth.spec} does not say how large a voxel is")
    tolerance_px = tolerance_px_of(options.tolerance_nm, truth.voxel_size_nm_zyx)
    heads = [" ".join(f"{stage:>6s}" for stage in stages) for stages in (STAGES, STAGES[:-1])]
    print(f"  z   VOI {heads[0]} | +-{options.tolerance_nm:g} nm {heads[1]} | cut join grow remove idle | vertices")
    rows = []
    for z in map(int, options.sections.split(",")):
        row = measured(membrane.section(z).astype(np.float32) / 255, truth.section(z), z, tolerance_px=tolerance_px)
        rows.append(row)
        counts = " ".join(f"{row.operations[kind]:4d}" for kind in (CUT, JOIN, GROW, REMOVE))
        print(
            f"{z:3d}       {_line(row.plain)} |         {_line(row.tolerant)} | {counts} {row.idle:4d} |"
            f" {row.vertices:8d}",
            flush=True,
        )
    operations = sum(row.operations.total() for row in rows) / len(rows)
    vertices = sum(row.vertices for row in rows) / len(rows)
    print(f"mean VOI  {heads[0]}\n          {_line(_mean([row.plain for row in rows]))}")
    print(
        f"          {_line(_mean([row.tolerant for row in rows]))} with +-{options.tolerance_nm:g} nm, where"
        f" {np.mean([row.counted for row in rows]):.0%} of the objects' pixels count"
    )
    print(f"operations per section {operations:.0f}, vertices of an editor of polygons {vertices:.0f}")
    print(f"mean seconds to apply them {np.mean([row.seconds for row in rows]):.2f}")


def measured(membrane: NDArray[np.float32], truth: NDArray[Any], z: int, *, tolerance_px: float) -> Row:
    """Let the oracle mark one section, apply the marks, compare."""
    shown = outlines(membrane, SeedingConfig(), smallest_px=MIN_OBJECT_PX, grown_px=BORDER_PX)
    rules = MarkRules()
    marks = marks_towards(shown, truth, rules, seed=z)
    began = perf_counter()
    done = operate(shown, membrane, marks)
    seconds = perf_counter() - began
    true = objects_of_section(truth)
    sure = without_boundaries(true[np.newaxis], tolerance_px)[0]
    known = without_boundaries(true[np.newaxis], RIBBON_PX)[0]
    results = (shown, done.labels, relabelled(shown, truth, rules), watershed(membrane, known))
    stages = dict(zip(STAGES, results, strict=True))
    return Row(
        plain={stage: _voi(labels, true) for stage, labels in stages.items()},
        tolerant={stage: _voi(stages[stage], sure) for stage in STAGES[:-1]},
        counted=np.count_nonzero(sure) / np.count_nonzero(true),
        operations=_operations(marks),
        idle=len(done.faults),
        vertices=_vertices(shown, truth, z),
        seconds=seconds,
    )


def _line(figures: dict[str, float]) -> str:
    return " ".join(f"{figure:6.3f}" for figure in figures.values())


def _mean(figures: list[dict[str, float]]) -> dict[str, float]:
    return {stage: float(np.mean([one[stage] for one in figures])) for stage in figures[0]}


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


def _voi(labels: NDArray[Any], true: NDArray[Any]) -> float:
    """Compare after the membrane between objects is given to them; background farther away counts as objects."""
    grown = expand_labels(labels.astype(np.int64), 5)
    background = label(grown == 0, connectivity=1)
    filled = np.where(grown == 0, grown.max() + background, grown)
    return agreement(filled.astype(np.uint32), true.astype(np.uint32), dice=0).voi


if __name__ == "__main__":
    main()
