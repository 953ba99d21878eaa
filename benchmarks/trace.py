r"""Score `proofloop trace` on a stored membrane probability, beside the two plainest ways, and time all three.

python benchmarks/trace.py --volume v.h5:raw --labels v.h5:labels --membrane prediction.zarr:membrane --sections 90:100

- `trace`: as the command does it, registrations not kept from before.
- `trace, nothing merged`: without the merging of tracks.
- `plain`: scipy's distance transform, scikit-image's h-maxima and watershed give objects as for annotators, or the
  objects that `trace` starts from, which are finer; those of consecutive
  sections are assigned by intersection over union, as they lie, with a dense matrix (scipy's Hungarian method), and
  linked from an IoU of 0.1, 0.25 or 0.5 on: the best of the three is shown.
- `components`: 3D connected components (scipy) of what lies below a membrane probability, from .02 to .5: the best of
  them is shown, so that this way is not judged by a threshold made for another. What it leaves empty is filled by a
  watershed, as the other two fill everything.

The best is the one with the least VOI sum, which looks at the truth: only the two plain ways have that advantage.
Time is processor time. `--tile N` repeats each section N x N times, to see what large sections cost.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter, label
from scipy.optimize import linear_sum_assignment
from skimage.morphology import h_maxima
from skimage.segmentation import watershed

from flows.config import TracingConfig
from flows.trace import trace
from flows.trace_job import TraceInputs, TraceSettings
from loop.contingency import contingency
from loop.metrics_links import link_scores
from loop.metrics_partition import partition_scores
from loop.section_range import parse_sections
from loop.volume import open_image, open_labels, open_volume
from tracing.merging import MergingConfig
from tracing.seeding import SeedingConfig

Block = NDArray[Any]
UNMERGED = TracingConfig(merging=MergingConfig(wall_below=None))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--volume", required=True, help="image, path:dataset")
    parser.add_argument("--labels", required=True, help="true labels, path:dataset")
    parser.add_argument("--membrane", required=True, help="membrane probability, path:dataset, 255 = membrane")
    parser.add_argument("--sections", required=True, help="start:stop")
    parser.add_argument("--tile", type=int, default=1, help="repeat each section so many times along y and x")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    image = open_image(options.volume)
    z = parse_sections(options.sections, name="sections", n_sections=image.shape[0])
    tiles = (1, options.tile, options.tile)
    raw, membrane, truth = (
        np.tile(opened.sections(z[0], z[-1] + 1), tiles)
        for opened in (image, open_volume(options.membrane), open_labels(options.labels))
    )
    print("| way | VOI split | VOI merge | VOI | adapted Rand error | link recall | precision | switches | s/section |")
    print("|---|---|---|---|---|---|---|---|---|")
    size = image.voxel_size_nm_zyx or (30.0, 12.0, 12.0)
    ways: dict[str, Callable[[], list[Block]]] = {
        "trace": lambda: [traced(raw, membrane, size, TracingConfig())],
        "trace, nothing merged": lambda: [traced(raw, membrane, size, UNMERGED)],
        "plain": lambda: plain(membrane / np.float32(255), SeedingConfig()),
        "plain, objects of trace": lambda: plain(membrane / np.float32(255), TracingConfig().seeding),
        "components": lambda: components(membrane / np.float32(255)),
    }
    for name, way in ways.items():
        began = time.process_time()
        found = way()
        seconds = (time.process_time() - began) / len(z)
        print(row(name, found, truth, seconds), flush=True)


def row(name: str, found: Sequence[Block], truth: Block, seconds: float) -> str:
    """Score the best of what a way gave."""
    scored = [(partition_scores(contingency(labels, truth)), labels) for labels in found]
    scores, labels = min(scored, key=lambda one: one[0].voi_split + one[0].voi_merge)
    links = link_scores(labels, truth)
    voi = f"{scores.voi_split:.3f} | {scores.voi_merge:.3f} | {scores.voi_split + scores.voi_merge:.3f}"
    rates = f"{scores.adapted_rand_error:.3f} | {links.recall:.3f} | {links.precision:.3f} | {links.identity_switches}"
    return f"| {name} | {voi} | {rates} | {seconds:.2f} |"


def traced(raw: Block, membrane: Block, size: tuple[float, float, float], config: TracingConfig) -> Block:
    """Run `proofloop trace` on files, as the command does."""
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder, "v.h5"), Path(folder, "axons.h5")
        with h5py.File(path, "w") as file:
            file["raw"], file["membrane"] = raw, membrane
        inputs = TraceInputs(image=f"{path}:raw", membrane=f"{path}:membrane", voxel_size_nm_zyx=size)
        trace(inputs, out, TraceSettings(config, Path(folder, "cache")))
        return open_labels(out).sections(0, len(raw))


def plain(membrane: Block, config: SeedingConfig) -> list[Block]:
    """Objects by scipy and scikit-image, linked by intersection over union with a dense assignment."""
    objects = [plain_objects(section, config) for section in membrane]
    pairs = [assigned(first, second) for first, second in pairwise(objects)]
    return [painted(objects, pairs, least) for least in (0.1, 0.25, 0.5)]


def plain_objects(membrane: Block, config: SeedingConfig) -> Block:
    """Find the objects of one section as `objects_of_membrane` does, without its quicker libraries."""
    distance = distance_transform_edt(membrane < config.threshold)
    smooth = gaussian_filter(np.asarray(distance, np.float32), config.smoothing_px)
    markers, _ = label(h_maxima(np.log(smooth + np.float32(0.5)), np.log(config.neck_ratio)), np.ones((3, 3)))
    return np.asarray(watershed(membrane, markers), np.int64)


def assigned(first: Block, second: Block) -> tuple[Block, Block, Block]:
    """Assign the objects of two sections; gives both and their IoU."""
    shape = (int(first.max()) + 1, int(second.max()) + 1)
    shared = np.bincount((first * shape[1] + second).ravel(), minlength=shape[0] * shape[1]).reshape(shape)
    iou = shared / (shared.sum(axis=1, keepdims=True) + shared.sum(axis=0) - shared).clip(1)
    rows, columns = linear_sum_assignment(-iou)
    return rows, columns, iou[rows, columns]


def painted(objects: Sequence[Block], pairs: Sequence[tuple[Block, Block, Block]], least: float) -> Block:
    """Paint the tracks that come of the links from IoU `least` on."""
    names = np.arange(int(objects[0].max()) + 1)
    used, labels = len(names), [names[objects[0]]]
    for section, (rows, columns, iou) in zip(objects[1:], pairs, strict=True):
        count = int(section.max()) + 1
        following = np.arange(used, used + count)
        used += count
        kept = (iou >= least) & (rows > 0) & (columns > 0)
        following[columns[kept]] = names[rows[kept]]
        names = following
        labels.append(names[section])
    return np.stack(labels).astype(np.uint64)


def components(membrane: Block) -> list[Block]:
    """Find connected components in 3D below several probabilities, grown into the rest."""
    found = []
    for below in (0.02, 0.05, 0.1, 0.2, 0.3, 0.5):
        markers, _ = label(membrane < below)
        found.append(np.asarray(watershed(membrane, markers), np.uint64))
    return found


if __name__ == "__main__":
    main()
