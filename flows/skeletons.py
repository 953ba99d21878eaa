"""Skeletons of a stored volume, a block of sections in memory at a time."""

from typing import Any

from loop.errors import InputError
from loop.progress import Progress, silent
from loop.volume import Volume, VoxelSize
from tracing.skeleton import Skeleton, SkeletonConfig, fragments_of, joined

BLOCK_VOXELS = 2**27
"""Of a block; kimimaro needs some 20 bytes for each that it looks at."""


def skeletons_of(
    labels: Volume,
    voxel_size_nm_zyx: VoxelSize,
    config: SkeletonConfig,
    *,
    processes: int = 1,
    block_voxels: int = BLOCK_VOXELS,
    progress: Progress = silent,
) -> dict[int, Skeleton]:
    """Give the skeleton of every axon by its id; those that are smaller than the configuration says have none.

    Parameters
    ----------
    labels : Volume
        Axon ids, zyx, 0 = none.
    voxel_size_nm_zyx : tuple of float
        Size of a voxel.
    config : SkeletonConfig
        How.
    processes : int
        Processes that share the axons of a block.
    block_voxels : int
        Voxels in memory at a time, never less than some sections.
    progress : Progress
        Hears of the sections done.
    """
    n_sections, height, width = labels.shape
    at_once = max(8, block_voxels // (height * width))
    fragments: dict[int, list[Any]] = {}
    for start in range(0, max(n_sections - 1, 1), at_once):
        # one section more, which the next block begins with
        stop = min(start + at_once + 1, n_sections)
        block = labels.sections(start, stop)
        for label, found in fragments_of(block, start, voxel_size_nm_zyx, config, processes=processes).items():
            fragments.setdefault(label, []).append(found)
        progress(stop, n_sections, f"{len(fragments)} skeletons")
    return {label: joined(found, config) for label, found in sorted(fragments.items())}


def require_voxel_size(labels: Volume, given: VoxelSize | None) -> VoxelSize:
    """Give the size of a voxel as given, or as the volume says."""
    size = given or labels.voxel_size_nm_zyx
    if size is None:
        raise InputError(
            "nobody says how large a voxel is",
            given=labels.spec,
            expected="an attribute voxel_size_nm_zyx, or the option",
            fix="write for instance --voxel-size 30,12,12",
        )
    return size
