"""Which score finds the places that the annotator changes: area under the ROC curve per tile.

    python benchmarks/consistency.py --run RUN --iteration 1 [--sections 90:100]

The run's pool, or other sections, as the model of that iteration predicted them, but for those that it has learnt from;
axons are of all sections that it predicted. The annotator is the oracle, whose strokes and points
(annotation/oracle_marks.py) correct the outlines of `proofloop publish`. A tile counts as changed

- `labels`: where these corrections, done by exact lines, give 40 px or more of it to another object;
- `truth`: where 40 px or more of it, farther than 2 px from every true border, lie in another object than in truth;
- `marks`: where one of the strokes or points touches it.

`change` is what the strategy `combined` takes. Its kinds and weights were chosen on sections 50 to 69 of SNEMI3D AC4,
the kinds of `tracking`, without weights, on 50 to 89: there the figures flatter, and intervals do not say by how much.
Intervals: 95 %, percentiles of 1,000 bootstrap samples of whole sections; `above` is the difference to entropy in the
same samples.
"""

import argparse
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from skimage.segmentation import find_boundaries

from annotation.boundaries import pieces_of
from annotation.oracle_marks import marks_towards, relabelled
from flows.consistency import Consistency
from flows.predicted import prediction_store
from flows.proofreading import pre_annotation
from flows.runs import Run, open_run
from loop.events import Predicted, Trained
from loop.section_range import parse_sections
from loop.uncertainty import entropy_map, information_map, margin_map

LEAST_PX = 40
"""As the oracle's smallest part."""
TOLERANCE_PX = 2
SAMPLES = 1000
Plane = NDArray[Any]


def main() -> None:
    """Print a table for each size of tiles."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--iteration", type=int, default=1)
    parser.add_argument("--sections", help="start:stop, among those that were predicted; the pool without it")
    parser.add_argument("--tiles", type=int, nargs="+", default=[32, 64])
    options = parser.parse_args()
    run = open_run(options.run)
    sections: Sequence[int] = run.sections["pool"]
    if options.sections:
        sections = parse_sections(options.sections, name="sections", n_sections=run.image.shape[0])
    learnt = run.ledger.finished(Trained, options.iteration).sections
    sections = [z for z in sections if z not in learnt]
    print(f"{len(sections)} sections")
    scores, changes = measured(run, options.iteration, sections)
    for px in options.tiles:
        tiles = {name: np.array([means(plane, px) for plane in planes]) for name, planes in scores.items()}
        print(f"\n| tiles of {px} px | " + " | ".join(f"{name} | above" for name in changes) + " |")
        print("|---" * (1 + 2 * len(changes)) + "|")
        changed = {name: np.array([means(plane, px) * px * px for plane in planes]) for name, planes in changes.items()}
        hits = {name: area >= (1 if name == "marks" else LEAST_PX) for name, area in changed.items()}
        for name, values in tiles.items():
            print(f"| {name} | " + " | ".join(cell(values, tiles["entropy"], hit) for hit in hits.values()) + " |")
        print("| share changed | " + " | ".join(f"{hit.mean():.2f} |" for hit in hits.values()) + " |")


def measured(
    run: Run, iteration: int, sections: Sequence[int]
) -> tuple[Mapping[str, list[Plane]], Mapping[str, list[Plane]]]:
    """Give the scores and the changes of every section."""
    store = prediction_store(run, iteration)
    with tempfile.TemporaryDirectory() as folder:
        tracked = Consistency(
            image=run.config.data.volume,
            store=store,
            sections=run.ledger.finished(Predicted, iteration).sections,
            size=run.config.data.voxel_size_nm_zyx,
            folder=Path(folder),
            seeding=run.config.seeding,
            tracing=run.config.tracing,
        )
        tracked.trace()
        ways: dict[str, Callable[[int], Plane]] = {
            "entropy": lambda z: entropy_map(store.membrane(z)),
            "margin": lambda z: margin_map(store.membrane(z)),
            "variance": store.variance,
            "bald": lambda z: information_map(store.membrane(z), store.variance(z)),
        }
        scores = {name: [way(z) for z in sections] for name, way in ways.items()}
        scores |= {name: [way(z) for z in sections] for name, way in tracked.scores.items()}
    changes: dict[str, list[Plane]] = {"labels": [], "truth": [], "marks": []}
    for z in sections:
        for name, plane in changed_places(pre_annotation(run, store.membrane(z)), run.labels.section(z), z).items():
            changes[name].append(plane)
    return scores, changes


def changed_places(shown: Plane, truth: Plane, z: int) -> dict[str, Plane]:
    """Give what the oracle changes in a section, as three masks."""
    marks = marks_towards(shown, truth, seed=z)
    marked = np.any([np.zeros(shown.shape, np.bool_), *(stroke.mask for stroke in marks.strokes)], axis=0)
    for point in marks.points:
        marked[point.y, point.x] = True
    true = pieces_of(truth)
    away = distance_transform_edt(~find_boundaries(true, mode="thick")) > TOLERANCE_PX
    return {
        "labels": moved(pieces_of(shown), relabelled(shown, truth)),
        "truth": moved(shown, true) & away,
        "marks": marked,
    }


def moved(before: Plane, after: Plane) -> Plane:
    """Say which pixels lie in another object: not in the main one of theirs, one way or the other."""
    before, after = before.astype(np.int64), after.astype(np.int64)
    both, n = (before > 0) & (after > 0), int(after.max()) + 1
    shared = np.bincount(before[both] * n + after[both], minlength=(int(before.max()) + 1) * n).reshape(-1, n)
    return both & ((shared.argmax(axis=1)[before] != after) | (shared.argmax(axis=0)[after] != before))


def means(plane: Plane, px: int) -> Plane:
    """Average over tiles that lie side by side."""
    rows, columns = (extent // px for extent in plane.shape)
    cut = plane[: rows * px, : columns * px].astype(np.float64)
    return cut.reshape(rows, px, columns, px).mean(axis=(1, 3)).ravel()


def cell(values: Plane, entropy: Plane, hit: Plane) -> str:
    """Write the area under the curve and how much it is above entropy's, with intervals."""
    drawn = np.random.default_rng(0).integers(0, len(hit), (SAMPLES, len(hit)))
    times = np.vstack([np.ones(len(hit), np.intp), *(np.bincount(one, minlength=len(hit)) for one in drawn)])
    own, base = (areas(one, hit, times) for one in (values, entropy))
    least, most = np.percentile(own[1:], [2.5, 97.5])
    low, high = np.percentile((own - base)[1:], [2.5, 97.5])
    return f"{own[0]:.3f} ({least:.3f} to {most:.3f}) | {own[0] - base[0]:+.3f} ({low:+.3f} to {high:+.3f})"


def areas(values: Plane, hit: Plane, times: Plane) -> Plane:
    """Give the share of pairs, a changed tile and another, of which the changed one has the higher value; ties half.

    Of `(section, tile)` values, once for each row of `times`, which says how often every section counts.
    """
    order = np.argsort(values.ravel(), kind="stable")
    section, changed = order // hit.shape[1], hit.ravel()[order]
    ties = np.flatnonzero(np.diff(values.ravel()[order], prepend=-np.inf))
    found = []
    for count in times[:, section]:
        ours, others = (np.add.reduceat(count * one, ties) for one in (changed, ~changed))
        below = np.cumsum(others) - others / 2
        found.append(ours @ below / (ours.sum() * others.sum()))
    return np.array(found)


if __name__ == "__main__":
    main()
