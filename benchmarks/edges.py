"""Judge what networks should see beyond the edges of sections: nothing, as `predict` has it, or reflections.

    python benchmarks/edges.py --checkpoint NET --volume v.h5:raw --labels v.h5:labels --sections 50:100

Predicts these sections as they are, and again with their edges reflected outwards, which `predict` then takes for
tissue and which is cut off afterwards. Each section is segmented and compared with the truth, as a whole and in its
outermost 64 and 16 px alone: adapted Rand error, VOI split + merge in bits, means over the sections.
"""

import argparse
from pathlib import Path
from time import process_time

import numpy as np
import torch
from numpy.typing import NDArray

from loop.labels import objects_of_section
from loop.metrics import Agreement, agreement, mean_agreement
from loop.section_range import parse_sections
from loop.volume import open_image, open_labels
from models.prediction import predict
from models.prediction_config import PredictionConfig
from models.surroundings import ReadSections
from tracing.seeding import objects_of_membrane

REFLECTED_PX = (0, 8, 16)
FRAMES_PX = (0, 64, 16)
"""Of how wide a frame the score is; 0 is the whole section."""


def main() -> None:
    """Print a row for each width of what is reflected."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--volume", required=True)
    parser.add_argument("--labels", required=True)
    parser.add_argument("--sections", required=True, help="start:stop, not those that the network learnt from")
    parser.add_argument("--views", type=int, default=1)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    image, labels = open_image(options.volume), open_labels(options.labels)
    sections = parse_sections(options.sections, name="sections", n_sections=image.shape[0])
    truths = [objects_of_section(labels.section(z)) for z in sections]
    config = PredictionConfig(variants=options.views, device="cpu")
    print("| reflected | processor s | whole section | outermost 64 px | 16 px |\n|---|---|---|---|---|")
    for px in REFLECTED_PX:
        begun = process_time()
        read = reflecting(image.sections, px)
        wide = predict(options.checkpoint, read, n_sections=image.shape[0], sections=sections, config=config).mean
        seconds = process_time() - begun
        found = [objects_of_membrane(one[px : px + image.shape[1], px : px + image.shape[2]]) for one in wide]
        scores = [told([within(px, *pair) for pair in zip(found, truths, strict=True)]) for px in FRAMES_PX]
        print(f"| {px} px | {seconds:.1f} | {' | '.join(scores)} |", flush=True)


def reflecting(read: ReadSections, px: int) -> ReadSections:
    """Read sections with their edges reflected outwards."""
    return lambda z0, z1: np.pad(read(z0, z1), ((0, 0), (px, px), (px, px)), mode="reflect")


def within(frame_px: int, found: NDArray[np.int32], truth: NDArray[np.unsignedinteger]) -> Agreement:
    """Compare a section with its truth in its outermost pixels."""
    inside = np.zeros(truth.shape, dtype=bool)
    if frame_px:
        inside[frame_px:-frame_px, frame_px:-frame_px] = True
    return agreement(found[~inside].astype(np.uint32), truth[~inside], dice=0.0)


def told(sections: list[Agreement]) -> str:
    """Put the means into words."""
    mean = mean_agreement(sections)
    return f"{mean.adapted_rand_error:.4f}, {mean.voi_split:.3f} + {mean.voi_merge:.3f}"


if __name__ == "__main__":
    main()
