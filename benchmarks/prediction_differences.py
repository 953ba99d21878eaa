"""Whose the differences between ways to predict are: each beside the exact answer, and far from the ends of patches."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rival_predictions import Way

from models.prediction import predict
from models.prediction_config import PredictionConfig

BORDER = (4, 32, 32)
"""Left out of every comparison: there the ways see other surroundings."""
EXACT_SECTIONS = 8
"""Of how many sections the exact answer is taken, which costs as much as all that the network sees around them."""
CLEAR = ((0, 0), (4, 16), (8, 32), (8, 48), (12, 48), (12, 64), (12, 80))
"""Sections and px from a voxel to the nearest end of a patch, at least."""


def inside(shape: tuple[int, ...]) -> tuple[slice, ...]:
    """Cut off the borders."""
    return tuple(slice(border, extent - border) for border, extent in zip(BORDER, shape, strict=True))


def tell_distance_to_exact(
    ours: NDArray[np.float32], ways: Sequence[Way], *, checkpoint: Path, volume: NDArray[np.uint8]
) -> None:
    """Print how far each is from float32 on whole sections, which no patch cuts short, in sections that all have."""
    within = inside(volume.shape)
    have = np.all([way.complete()[within].any(axis=(1, 2)) for way in ways], axis=0) if ways else np.ones(1, dtype=bool)
    common = np.flatnonzero(have) + BORDER[0]
    if not len(common):
        print("no section is complete in all ways; run a larger --share")
        return
    middle = max(0, len(common) - EXACT_SECTIONS) // 2
    sections = common[middle : middle + EXACT_SECTIONS].tolist()
    exact = predict(
        checkpoint,
        lambda z0, z1: volume[z0:z1],
        n_sections=len(volume),
        sections=sections,
        config=PredictionConfig(variants=1, device="cpu", precision="float32"),
    ).mean
    print(f"mean difference to the exact answer, sections {sections[0]}:{sections[-1] + 1} away from the borders:")
    for name, found in [("ours", ours), *((way.name, way.result()) for way in ways)]:
        print(f"{name:>12} {np.abs(found[sections] - exact)[:, within[1], within[2]].mean():>7.4f}")


def tell_far_from_ends(ours: NDArray[np.float32], way: Way) -> None:
    """Print the difference to ours where the patches of another way end farther and farther away."""
    within = inside(ours.shape)
    difference, complete = np.abs(way.result() - ours)[within], way.complete()[within]
    print(f"{way.name}: mean difference to ours where its patches end at least so far away:")
    print(f"{'sections':>12} {'px':>5} {'share':>7} {'|dp|':>7}")
    for sections, px in CLEAR:
        chosen = complete & way.clear(sections, px)[within]
        share = chosen.sum() / max(1, complete.sum())
        if share:
            print(f"{sections:>12} {px:>5} {share:>7.1%} {difference[chosen].mean():>7.4f}")
