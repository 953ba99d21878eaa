"""A serial-section EM phantom of a nerve bundle at a neuromuscular junction, with exact dense 3D ground truth."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from skimage import measure

from loop.atomic import replacing
from loop.errors import InputError
from loop.phantom_bundle import grow_bundle
from loop.phantom_imaging import damage, expose, grainy, membrane_darkness, smooth_noise, stretched
from loop.phantom_organelles import Organelle, draw, draw_vesicles, furnish
from loop.phantom_walls import Plane, Walls, section_walls
from loop.progress import Progress, silent

VOXEL_SIZE_NM_ZYX = (30.0, 12.0, 12.0)
SMALLEST_SHAPE = (4, 32, 32)
SMALLEST_OBJECT_VOXELS = 60
SMALLEST_CUT_PX = 14


class PhantomConfig(BaseModel):
    """How the phantom's tissue is built and how well it is cut and imaged."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    median_radius_nm: float = Field(default=125.0, ge=60.0, le=400.0)
    """Median radius of a fibre."""
    wall_half_width_nm: float = Field(default=12.0, ge=6.0, le=40.0)
    """Ground truth is 0 this far to either side of the middle of a wall, and further where the wall is oblique."""
    membrane_grey: float = Field(default=74.0, ge=0.0, le=150.0)
    """How much darker than cytoplasm a well-stained upright membrane is, in grey levels before blur."""
    blur_nm: float = Field(default=6.5, ge=0.0, le=40.0)
    """Standard deviation of the beam."""
    noise_grey: float = Field(default=11.0, ge=0.0, le=60.0)
    """Standard deviation of the detector's noise, in grey levels."""
    jitter_nm: float = Field(default=10.0, ge=0.0, le=60.0)
    """Standard deviation of each section's own displacement."""
    slip_nm: float = Field(default=60.0, ge=0.0, le=150.0)
    """Length of the jump at two places of the stack where sections were lost or slipped."""
    damaged_section: int | None = None
    """The section with a fold, knife marks or a grey line; None draws one from the middle third of the stack."""


@dataclass(frozen=True)
class Phantom:
    """A generated stack with its truth."""

    image: NDArray[np.uint8]
    """(z, y, x)."""
    labels: NDArray[np.uint16]
    """(z, y, x): ids 1 to n, each one connected object; 0 is membrane or extracellular space."""
    voxel_size_nm_zyx: tuple[float, float, float]
    damaged_section: int


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
    shape
        Sections, rows and columns (z, y, x), at least 4 x 32 x 32, of voxels of 30 x 12 x 12 nm.
    seed
        Not negative.
    config
        Tissue and imaging; None takes the defaults.
    progress
        Hears of every section, twice: once as it is grown and once as it is imaged.

    Raises
    ------
    InputError
        If the shape is too small, the seed negative or the damaged section outside the stack.
    """
    config = config or PhantomConfig()
    damaged = _damaged_section(shape, seed, config)
    fibres = grow_bundle(shape, config.median_radius_nm / VOXEL_SIZE_NM_ZYX[1], np.random.default_rng([seed, 1]))
    slips = _slips(shape[0], config, np.random.default_rng([seed, 2]))
    tissue = list(_bent_sections(shape, slips, np.random.default_rng([seed, 3])))
    walls = []
    for z, (where, moving) in enumerate(tissue):
        walls.append(section_walls(fibres, z, where, moving))
        progress(z + 1, 2 * shape[0], "growing fibres")
    labels = _ground_truth(walls, slips, config)
    organelles = furnish(fibres, np.random.default_rng([seed, 4]))
    painter = _Painter(shape, len(fibres), config, seed)
    image = np.empty(shape, np.uint8)
    for z, (where, _) in enumerate(tissue):
        seen = painter.section(z, walls[z], organelles, where)
        if z == damaged:
            seen = damage(seen, np.random.default_rng([seed, 5]))
        image[z] = np.clip(np.rint(seen), 0, 255)
        progress(shape[0] + z + 1, 2 * shape[0], "imaging sections")
    return Phantom(image, labels, VOXEL_SIZE_NM_ZYX, damaged)


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


def _slips(sections: int, config: PhantomConfig, rng: np.random.Generator) -> NDArray[np.float64]:
    """Displacement (sections, 2) of each section in pixels: its own jitter, and two lasting jumps."""
    px = VOXEL_SIZE_NM_ZYX[1]
    slips = rng.normal(0, config.jitter_nm / px, (sections, 2))
    for start in rng.choice(np.arange(2, sections), 2, replace=False):
        angle = rng.uniform(0, 2 * np.pi)
        slips[start:] += config.slip_nm / px * np.array([np.sin(angle), np.cos(angle)])
    centred: NDArray[np.float64] = slips - slips.mean(axis=0)
    return centred


def _bent_sections(
    shape: tuple[int, int, int], slips: NDArray[np.float64], rng: np.random.Generator
) -> Iterator[tuple[Plane, Plane]]:
    """Tissue coordinates (2, y, x) of each section's pixels, and how they change with the next section."""
    plane = shape[1:]
    grid = np.mgrid[: plane[0], : plane[1]].astype(np.float32)
    knots, every = shape[0] // 7 + 3, 7
    scales = ((34.0, 5.0), (11.0, 1.7))
    coarse = [rng.standard_normal((knots, 2, *(int(n / spacing) + 4 for n in plane))) for spacing, _ in scales]

    def bend(knot: int) -> Plane:
        total = np.zeros((2, *plane), np.float32)
        for grids, (spacing, amount) in zip(coarse, scales, strict=True):
            for axis in (0, 1):
                total[axis] += amount * stretched(grids[knot, axis], plane, spacing)
        return total

    before, after = bend(0), bend(1)
    for z in range(shape[0]):
        if z and z % every == 0:
            before, after = after, bend(z // every + 1)
        own = np.stack([np.float32(0.6) * smooth_noise(plane, 45, rng) for _ in range(2)])
        share = np.float32(z % every / every)
        slip = slips[z].astype(np.float32)[:, None, None]
        bent = np.asarray(grid + (1 - share) * before + share * after + own + slip, np.float32)
        yield bent, (after - before) / np.float32(every)


def _ground_truth(walls: list[Walls], slips: NDArray[np.float64], config: PhantomConfig) -> NDArray[np.uint16]:
    """Ids by connected object: sections are moved back by their slip before they are connected through z."""
    half = config.wall_half_width_nm / VOXEL_SIZE_NM_ZYX[1]
    shift = np.rint(slips).astype(int)
    pad = int(np.abs(shift).max()) + 1
    owners = np.stack([np.where(w.distance_px > half + 0.2 * np.clip(w.shift_px, 0, 6), w.owner, 0) for w in walls])
    owners = _without_small(_parted(owners), SMALLEST_CUT_PX)
    steady = np.pad(np.zeros_like(owners), ((0, 0), (pad, pad), (pad, pad)))
    height, width = owners.shape[1:]
    places = [(z, slice(pad + y, pad + y + height), slice(pad + x, pad + x + width)) for z, (y, x) in enumerate(shift)]
    for z, place in enumerate(places):
        steady[place] = owners[z]
    connected = measure.label(steady, connectivity=3)
    sizes = np.bincount(connected.ravel())
    sizes[0] = 0
    new = np.zeros(len(sizes), np.uint16)
    kept = sizes >= SMALLEST_OBJECT_VOXELS
    new[kept] = np.arange(1, kept.sum() + 1)
    return np.stack([new[connected[place]] for place in places])


def _parted(owners: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Blank the pixels (z, y, x) where two fibres would touch within a section."""
    result = owners.copy()
    for before, after in ((result[:, :-1], result[:, 1:]), (result[:, :, :-1], result[:, :, 1:])):
        before[(before != after) & (after > 0)] = 0
    return result


def _without_small(owners: NDArray[np.uint16], least: int) -> NDArray[np.uint16]:
    """Blank the cuts of fewer than `least` pixels within a section."""
    result = np.empty_like(owners)
    for z, plane in enumerate(owners):
        parts = measure.label(plane, connectivity=1)
        small = np.bincount(parts.ravel()) < least
        result[z] = np.where(small[parts], 0, plane)
    return result


class _Painter:
    """Grey values of one section after another; what changes slowly through the stack is kept between them."""

    def __init__(self, shape: tuple[int, int, int], fibres: int, config: PhantomConfig, seed: int) -> None:
        self.config, self.seed = config, seed
        rng = np.random.default_rng([seed, 6])
        self.tone = np.concatenate([[5.0], rng.normal(0, 13, fibres) + 12 * (rng.random(fibres) < 0.15)])
        self.texture = np.concatenate([[0.3], rng.uniform(0.3, 1.6, fibres)])
        self.vesicles = np.concatenate([[0.0], np.where(rng.random(fibres) < 0.22, rng.uniform(0.4, 0.95, fibres), 0)])
        self.gain, self.offset = np.clip(_drift(rng, shape[0], 0.07) + 1, 0.75, 1.3), _drift(rng, shape[0], 16.0)
        self.plane = shape[1:]

    def section(self, z: int, walls: Walls, organelles: list[Organelle], where: Plane) -> Plane:
        rng = np.random.default_rng([self.seed, 7, z])
        stain = np.clip(0.85 + 0.22 * smooth_noise(self.plane, 26, rng), 0.35, 1.25)
        cleft = np.clip(0.75 + 0.4 * smooth_noise(self.plane, 18, rng), 0.2, 1.6)
        texture = self.texture[walls.owner].astype(np.float32)
        scene = (162 + self.tone[walls.owner]).astype(np.float32)
        scene += 4 * smooth_noise(self.plane, 9, rng) + 10 * texture * grainy(self.plane, 1.4, rng)
        scene -= 45 * texture * np.clip(grainy(self.plane, 0.85, rng) - 1.1, 0, None)
        inside = draw(organelles, z, walls, where, rng)
        cloud = self.vesicles[walls.owner] * np.clip(0.7 + 0.6 * smooth_noise(self.plane, 20, rng), 0, 1)
        inside += np.where(inside < -30, 0, draw_vesicles(cloud.astype(np.float32), walls, rng))
        wall = self.config.membrane_grey * stain * membrane_darkness(walls, cleft)
        scene += inside - np.clip(wall, 0, 115)
        light = 5 * smooth_noise(self.plane, 120, rng)
        seen = expose(scene, self.config.blur_nm / VOXEL_SIZE_NM_ZYX[1], self.config.noise_grey, rng)
        return np.asarray((seen - 132) * self.gain[z] + 132 + self.offset[z] + light, np.float32)


def _drift(rng: np.random.Generator, sections: int, size: float) -> NDArray[np.float64]:
    """Let staining or beam wander slowly from section to section, with a step of its own in each."""
    slow = np.cumsum(rng.normal(0, size / 4, sections))
    wander: NDArray[np.float64] = slow - slow.mean() + rng.normal(0, size / 2, sections)
    return wander
