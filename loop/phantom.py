"""A serial-section EM phantom of a nerve bundle at a neuromuscular junction, with exact dense 3D ground truth."""

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from loop.atomic import replacing
from loop.errors import InputError
from loop.phantom_bundle import grow_bundle
from loop.phantom_config import PIXEL_NM, VOXEL_SIZE_NM_ZYX, PhantomConfig
from loop.phantom_cutting import bent_sections, section_shifts, section_slips
from loop.phantom_organelles import furnish
from loop.phantom_painting import Painter
from loop.phantom_truth import ground_truth
from loop.phantom_walls import section_walls
from loop.progress import Progress, silent

SMALLEST_SHAPE = (4, 32, 32)


@dataclass(frozen=True)
class Phantom:
    """A generated stack with its truth."""

    image: NDArray[np.uint8]
    """(z, y, x)."""
    labels: NDArray[np.uint16]
    """(z, y, x): ids 1 to n, each one connected object; 0 is membrane or extracellular space."""
    voxel_size_nm_zyx: tuple[float, float, float]
    damaged_section: int
    further_damaged: tuple[int, ...] = ()
    """In ascending order."""


def make_phantom(
    shape: tuple[int, int, int] = (64, 256, 256),
    seed: int = 0,
    *,
    config: PhantomConfig | None = None,
    progress: Progress = silent,
) -> Phantom:
    """Generate a phantom; the same arguments give the same voxels.

    Parameters
    ----------
    shape : tuple of int
        Sections, rows and columns (z, y, x), at least 4 x 32 x 32, of voxels of 30 x 12 x 12 nm.
    seed : int
        Not negative.
    config : PhantomConfig, optional
        Tissue and imaging; None takes the defaults.
    progress : Progress
        Hears of every section, twice: once as it is grown and once as it is imaged.

    Returns
    -------
    Phantom
        Image (uint8, zyx) and its exact labels (uint16, zyx).

    Raises
    ------
    InputError
        If the shape is too small, the seed negative or the damaged section outside the stack.
    """
    config = config or PhantomConfig()
    damaged = _damaged_section(shape, seed, config)
    further = _further_damaged(shape[0], damaged, seed, config)
    fibres = grow_bundle(shape, config.median_radius_nm / PIXEL_NM, np.random.default_rng([seed, 1]))
    slips = section_slips(shape[0], config, np.random.default_rng([seed, 2]))
    shifts = section_shifts(shape[0], config, np.random.default_rng([seed, 10]))
    tissue = list(bent_sections(shape, slips, shifts, np.random.default_rng([seed, 3])))
    walls = []
    for z, (where, moving) in enumerate(tissue):
        walls.append(section_walls(fibres, z, where, moving))
        progress(z + 1, 2 * shape[0], "growing fibres")
    labels = ground_truth(walls, slips + shifts, config)
    organelles = furnish(fibres, np.random.default_rng([seed, 4]))
    painter = Painter(shape[0], len(fibres), config, seed)
    image = np.empty(shape, np.uint8)
    for z, (where, _) in enumerate(tissue):
        seen = painter.section(z, walls[z], organelles, where, damaged=z == damaged or z in further)
        image[z] = np.clip(np.rint(seen), 0, 255)
        progress(shape[0] + z + 1, 2 * shape[0], "imaging sections")
    return Phantom(image, labels, VOXEL_SIZE_NM_ZYX, damaged, further)


def write_phantom(path: Path, phantom: Phantom) -> None:
    """Write datasets `raw` and `labels` (zyx, gzip) to an HDF5 file, whole or not at all."""
    with replacing(path) as temporary, h5py.File(temporary, "w") as file:
        for name, voxels in (("raw", phantom.image), ("labels", phantom.labels)):
            chunks = (1, *voxels.shape[1:])
            dataset = file.create_dataset(name, data=voxels, compression="gzip", chunks=chunks)
            dataset.attrs["voxel_size_nm_zyx"] = phantom.voxel_size_nm_zyx


def _damaged_section(shape: tuple[int, int, int], seed: int, config: PhantomConfig) -> int:
    """Refuse what cannot be built, and choose the damaged section."""
    if len(shape) != 3 or any(n < least for n, least in zip(shape, SMALLEST_SHAPE, strict=True)):
        raise InputError(
            "the phantom's shape is too small or not three numbers",
            given=tuple(shape),
            expected="sections, rows and columns (z, y, x), at least 4 x 32 x 32",
            fix="pass for example shape=(64, 256, 256)",
        )
    if seed < 0:
        raise InputError("the phantom's seed is negative", given=seed, expected="0 or more", fix="pass seed=0")
    chosen = config.damaged_section
    if chosen is None:
        return int(np.random.default_rng([seed, 8]).integers(shape[0] // 3, max(shape[0] // 3 + 1, 2 * shape[0] // 3)))
    if not 0 <= chosen < shape[0]:
        raise InputError(
            "damaged_section lies outside the stack",
            given=chosen,
            expected=f"a section from 0 to {shape[0] - 1}",
            fix="leave it out to have one chosen",
        )
    return chosen


def _further_damaged(sections: int, damaged: int, seed: int, config: PhantomConfig) -> tuple[int, ...]:
    """Draw further damaged sections, none at the ends and no two neighbours."""
    chosen = {damaged}
    for z in np.random.default_rng([seed, 9]).permutation(np.arange(1, sections - 1)).tolist():
        if len(chosen) <= config.further_damaged and not chosen & {z - 1, z, z + 1}:
            chosen.add(z)
    if len(chosen) <= config.further_damaged:
        raise InputError(
            "so many damaged sections do not fit into the stack",
            given=f"{config.further_damaged} beside one in {sections} sections",
            expected="no two neighbours and none at the ends",
            fix="lower further_damaged or make the phantom longer",
        )
    return tuple(sorted(chosen - {damaged}))
