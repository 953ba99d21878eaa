r"""Score `proofloop trace` on a stored membrane probability, beside plain ways, and time all of them.

python benchmarks/trace.py --volume v.h5:raw --labels v.h5:labels --membrane prediction.zarr:membrane --sections 90:100
python benchmarks/trace.py ... --stages

- `trace`: as the command does it, files read and written, registrations not kept from before.
- `trace, nothing merged`: without the merging of tracks.
- `plain`: scipy's distance transform, scikit-image's h-maxima and watershed give objects as for annotators, or the
  objects that `trace` starts from, which are finer; those of consecutive sections are assigned by intersection over
  union, as they lie, with a dense matrix (scipy's Hungarian method), and linked from an IoU of 0.1, 0.25 or 0.5 on:
  the best of the three is shown. In memory, without files.
- `plain, whole`: what a laboratory writes that wants all stages. The same objects; costs also of scikit-image's
  properties of regions (centre, area, eccentricity, grey); tracks grown in 3D by scikit-image's watershed; written.
  Once as the stack lies and once `registered` by scikit-image (phase correlation, then optical flow).
- `components`: 3D connected components (scipy) of what lies below a membrane probability, from .02 to .5: the best of
  them is shown, so that this way is not judged by a threshold made for another. What it leaves empty is filled by a
  watershed, as the others fill everything.

The best is the one with the least VOI sum, which looks at the truth: only the plain ways have that advantage.
Time is processor time. `--tile N` repeats each section N x N times, to see what large sections cost. `--stages`
times the stages one by one instead, on the same input, ours beside the plain one.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
import plain_tracing as plain
from numpy.typing import NDArray

from flows.config import TracingConfig
from flows.trace.job import TraceInputs, TraceSettings
from flows.trace.stages import trace
from loop.contingency import contingency
from loop.metrics_links import link_scores
from loop.metrics_partition import partition_scores
from loop.section_range import parse_sections
from loop.volume import open_image, open_labels, open_volume
from tracing.merging import MergingConfig
from tracing.postprocess import PostprocessConfig, postprocess
from tracing.registration import RegistrationConfig, register
from tracing.registration_cache import Registrar
from tracing.seeding import SeedingConfig, objects_of_membrane
from tracing.tracking import track
from tracing.tracking_objects import section_objects

Block = NDArray[Any]
UNMERGED = TracingConfig(merging=MergingConfig(wall_below=None))
CLEANING = PostprocessConfig(bilateral_px=2, dilation_px=2, erosion_px=2, speck_px=30, hole_px=30)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--volume", required=True, help="image, path:dataset")
    parser.add_argument("--labels", required=True, help="true labels, path:dataset")
    parser.add_argument("--membrane", required=True, help="membrane probability, path:dataset, 255 = membrane")
    parser.add_argument("--sections", required=True, help="start:stop")
    parser.add_argument("--tile", type=int, default=1, help="repeat each section so many times along y and x")
    parser.add_argument("--stages", action="store_true", help="time the stages one by one")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    image = open_image(options.volume)
    z = parse_sections(options.sections, name="sections", n_sections=image.shape[0])
    tiles = (1, options.tile, options.tile)
    raw, membrane, truth = (
        np.tile(opened.sections(z[0], z[-1] + 1), tiles)
        for opened in (image, open_volume(options.membrane), open_labels(options.labels))
    )
    size = image.voxel_size_nm_zyx or (30.0, 12.0, 12.0)
    probability = membrane / np.float32(255)
    if options.stages:
        time_stages(raw, probability, size)
        return
    print("| way | VOI split | VOI merge | VOI | adapted Rand error | link recall | precision | switches | s/section |")
    print("|---|---|---|---|---|---|---|---|---|")
    fine = TracingConfig().seeding
    ways: dict[str, Callable[[], list[Block]]] = {
        "trace": lambda: [traced(raw, membrane, size, TracingConfig())],
        "trace, nothing merged": lambda: [traced(raw, membrane, size, UNMERGED)],
        "plain": lambda: plainest(probability, SeedingConfig(threshold=0.5)),
        "plain, objects of trace": lambda: plainest(probability, fine),
        "plain, whole": lambda: whole(raw, probability, registered=False),
        "plain, whole, registered": lambda: whole(raw, probability, registered=True),
        "components": lambda: plain.components(probability),
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


def plainest(membrane: Block, config: SeedingConfig) -> list[Block]:
    """Objects by scipy and scikit-image, linked by intersection over union as they lie."""
    objects = [plain.objects_of(section, config) for section in membrane]
    pairs = plain.linked(objects, None, None)
    return [plain.painted(objects, pairs, least) for least in (0.1, 0.25, 0.5)]


def whole(image: Block, membrane: Block, *, registered: bool) -> list[Block]:
    """All stages by scipy and scikit-image; the least overlap of a link is the one that did best without the rest."""
    objects = [plain.objects_of(section, TracingConfig().seeding) for section in membrane]
    flows = [plain.displacement(image[z], image[z + 1]) for z in range(len(image) - 1)] if registered else None
    tracks = plain.painted(objects, plain.linked(objects, image, flows), 0.25)
    labels = plain.expanded(tracks, membrane, TracingConfig().expansion.seeds_below)
    with tempfile.TemporaryDirectory() as folder, h5py.File(Path(folder, "axons.h5"), "w") as file:
        file.create_dataset("labels", data=labels, chunks=(1, *labels.shape[1:]), compression="gzip")
    return [labels]


def time_stages(image: Block, membrane: Block, size: tuple[float, float, float]) -> None:
    """Time each stage of both on the same input."""
    config, pixel_nm, pairs = TracingConfig(), size[1], range(len(image) - 1)
    objects = [objects_of_membrane(section, config.seeding) for section in membrane]
    registrar = Registrar(pixel_nm, RegistrationConfig())
    flows = [register(image[z], image[z + 1], pixel_nm=pixel_nm).dense() for z in pairs]
    wide = [some.astype(np.int64) for some in objects]
    tracks = plain.painted(wide, plain.linked(wide, None, None), 0.25).astype(np.uint32)

    def linked() -> None:
        sections = (section_objects(z, objects[z], image[z], pixel_nm=pixel_nm) for z in range(len(image)))
        list(track(sections, registrar, config.tracking))

    stages: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "bilateral filter, dilation, erosion, specks, holes": (
            lambda: [postprocess(section, CLEANING) for section in membrane],
            lambda: [plain.cleaned(section, CLEANING) for section in membrane],
        ),
        "distance, seeds, watershed": (
            lambda: [objects_of_membrane(section, config.seeding) for section in membrane],
            lambda: [plain.objects_of(section, config.seeding) for section in membrane],
        ),
        "registration of the images": (
            lambda: [register(image[z], image[z + 1], pixel_nm=pixel_nm) for z in pairs],
            lambda: [plain.displacement(image[z], image[z + 1]) for z in pairs],
        ),
        "registration and linking": (
            linked,
            lambda: plain.linked(wide, image, [plain.displacement(image[z], image[z + 1]) for z in pairs]),
        ),
        "linking by overlap and properties, ours with two registrations": (
            linked,
            lambda: plain.linked(wide, image, flows),
        ),
        "linking by overlap alone, ours with two registrations": (linked, lambda: plain.linked(wide, None, None)),
        "growth of the tracks": (
            lambda: [config.expansion.labels_of(*some) for some in zip(tracks, membrane, strict=True)],
            lambda: plain.expanded(tracks, membrane, config.expansion.seeds_below),
        ),
    }
    print("| stage | ours, ms/section | plain | ratio |")
    print("|---|---|---|---|")
    for name, ways in stages.items():
        ours, theirs = (min(_ms(way) for _ in range(3)) / len(image) for way in ways)
        print(f"| {name} | {ours:.1f} | {theirs:.1f} | {theirs / ours:.1f} |", flush=True)


def _ms(way: Callable[[], object]) -> float:
    began = time.process_time()
    way()
    return 1e3 * (time.process_time() - began)


if __name__ == "__main__":
    main()
