"""What lies inside the phantom's fibres: mitochondria, reticulum, dense bodies, microtubules, vesicles and synapses.

Each organelle is an ellipse that persists over some sections, drawn only where its own fibre is; it never changes the
ground truth. Lengths are in pixels of 12 nm.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from loop.phantom_bundle import Fibre, Strand
from loop.phantom_walls import Plane, Walls

CLEARANCE_PX = 2.4
"""How far an organelle stays from the middle of the wall of its fibre."""
CROWDED_PX = 15.0
"""Fibres thinner than this have no room for two mitochondria beside each other."""


class Kind(Enum):
    """An organelle's looks: grey steps of fill and rim, and half the rim's width in pixels."""

    MITOCHONDRION = (-84.0, -52.0, 0.8)
    RETICULUM = (4.0, -85.0, 0.7)
    DENSE = (-115.0, -10.0, 0.7)
    MICROTUBULE = (-95.0, 0.0, 0.7)
    VESICLE = (10.0, -62.0, 0.55)
    SYNAPSE = (0.0, -70.0, 1.6)


@dataclass(frozen=True)
class Organelle:
    """An ellipse inside fibre number `owner`, cut by section `first` and those after it."""

    kind: Kind
    owner: int
    first: int
    centre_px: NDArray[np.float64]
    """(sections, 2), y and x in tissue coordinates."""
    axes_px: NDArray[np.float64]
    """(sections, 2), half axes."""
    angle: float
    phase: float


def furnish(fibres: list[Fibre], rng: np.random.Generator) -> list[Organelle]:
    """Fill the fibres with organelles that persist over several sections."""
    found: list[Organelle] = []
    for index, fibre in enumerate(fibres):
        for strand in fibre.strands:
            found += _strand_organelles(index + 1, strand, rng)
    return found


def _strand_organelles(owner: int, strand: Strand, rng: np.random.Generator) -> Iterator[Organelle]:
    width, sections = float(strand.radius_px.mean()), len(strand.radius_px)
    if width > 5.5:
        count = rng.poisson(sections / 38 * (0.7 + width / 22))
        for i in range(count):
            crowded = width < CROWDED_PX
            room = strand.part(i * sections // count, (i + 1) * sections // count) if crowded else strand
            small = float(np.clip(width * rng.uniform(0.38, 0.62), 3.8, rng.uniform(6.5, 10)))
            long = float(np.clip(small * rng.uniform(1, 2), small, max(small, 0.85 * width)))
            yield _inside(Kind.MITOCHONDRION, owner, room, (long, small), (7, 26), rng)
    for _ in range(rng.poisson(sections * width**2 / 5000)):
        yield _inside(Kind.RETICULUM, owner, strand, (rng.uniform(2.5, 10), rng.uniform(1.6, 3.4)), (2, 7), rng)
    for _ in range(rng.poisson(sections * width**2 / 7000 + sections / 90)):
        yield _inside(Kind.DENSE, owner, strand, (rng.uniform(1.2, 5.5), rng.uniform(0.7, 1.5)), (1, 5), rng)
    for _ in range(rng.poisson(1.0 + width**2 / 40)):
        yield _inside(Kind.MICROTUBULE, owner, strand, (rng.uniform(1.0, 1.7), 1.0), (6, 40), rng)
    for _ in range(rng.poisson(sections / 60)):
        place = _inside(Kind.SYNAPSE, owner, strand, (rng.uniform(6, 13), 3.0), (4, 10), rng)
        outward = width * np.array([np.cos(place.phase), np.sin(place.phase)])
        yield Organelle(place.kind, owner, place.first, place.centre_px + outward, place.axes_px, 0.0, place.phase)


def _inside(
    kind: Kind,
    owner: int,
    strand: Strand,
    axes: tuple[float, float],
    sections: tuple[int, int],
    rng: np.random.Generator,
) -> Organelle:
    length = min(int(rng.integers(*sections, endpoint=True)), len(strand.radius_px))
    start = int(rng.integers(0, len(strand.radius_px) - length + 1))
    where = slice(start, start + length)
    free = np.clip(strand.radius_px[where] - CLEARANCE_PX - max(axes), 0, None)
    direction, swing = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.03)
    turn = direction + swing * np.arange(length)
    offset = np.sqrt(rng.uniform(0, 0.8)) * free[:, None] * np.stack([np.sin(turn), np.cos(turn)], axis=1)
    jitter = rng.normal(0, 0.35, (length, 2))
    ends = np.minimum(np.arange(length), np.arange(length)[::-1])
    taper = np.sqrt(np.clip((ends + 1) / 3, 0, 1)) if kind is Kind.MITOCHONDRION else np.ones(length)
    size = taper * np.clip(1 + 0.1 * rng.normal(size=length), 0.7, 1.3)
    return Organelle(
        kind,
        owner,
        strand.first + start,
        strand.centre_px[where] + offset + jitter,
        size[:, None] * np.array(axes),
        rng.uniform(0, np.pi),
        rng.uniform(0, 2 * np.pi),
    )


def draw(organelles: list[Organelle], z: int, walls: Walls, where: Plane, rng: np.random.Generator) -> Plane:
    """Grey steps (y, x) that the organelles of section `z` add to the cytoplasm."""
    layer = np.zeros(walls.owner.shape, np.float32)
    for organelle in organelles:
        k = z - organelle.first
        if not 0 <= k < len(organelle.centre_px):
            continue
        window = _window(organelle.centre_px[k], float(organelle.axes_px[k].max()) + 5, where)
        if window is not None:
            _draw_one(layer[window], organelle, k, walls, window, where[:, *window], rng)
    return layer


def _window(centre: NDArray[np.float64], half: float, where: Plane) -> tuple[slice, slice] | None:
    shape = np.array(where.shape[1:])
    nearest = np.clip(centre, 0, shape - 1).astype(int)
    pixel = centre - (where[:, nearest[0], nearest[1]] - nearest)
    low = np.clip(pixel - half - 3, 0, shape).astype(int)
    high = np.clip(pixel + half + 4, 0, shape).astype(int)
    return None if (high <= low).any() else (slice(low[0], high[0]), slice(low[1], high[1]))


def _draw_one(
    layer: Plane,
    organelle: Organelle,
    k: int,
    walls: Walls,
    window: tuple[slice, slice],
    where: Plane,
    rng: np.random.Generator,
) -> None:
    fill, rim, thickness = organelle.kind.value
    dy, dx = where[0] - organelle.centre_px[k, 0], where[1] - organelle.centre_px[k, 1]
    wall = walls.distance_px[window]
    if organelle.kind is Kind.SYNAPSE:
        layer += rim * np.exp(-(dy**2 + dx**2) / organelle.axes_px[k, 0] ** 2) * np.exp(-((wall / thickness) ** 2))
        return
    cos, sin = np.cos(organelle.angle), np.sin(organelle.angle)
    along, across = cos * dx + sin * dy, cos * dy - sin * dx
    theta = np.arctan2(across, along)
    long, short = organelle.axes_px[k]
    wobble = 1 + 0.09 * np.cos(2 * theta + organelle.phase) + 0.07 * np.cos(3 * theta - 2 * organelle.phase)
    depth = (np.hypot(along / long, across / short) / wobble - 1) * short
    mine = walls.owner[window] == organelle.owner
    depth = np.where(mine, np.maximum(depth, CLEARANCE_PX - wall), 9.0)
    inside = 1 / (1 + np.exp(np.clip(depth / 0.45, -30, 30)))
    edge = np.exp(-((depth / thickness) ** 2) / 2)
    step = fill * inside + rim * edge
    if organelle.kind is Kind.MITOCHONDRION:
        bend = 0.8 * np.sin(along / 3.7 + organelle.phase) + rng.normal(0, 0.3)
        lamellae = np.sin((across + bend) * (2 * np.pi / 4.4) + organelle.phase)
        step += inside * (17 * lamellae * (0.6 + 0.4 * np.sin(along / 5 + 3 * organelle.phase)))
    layer += np.where(layer < -50, np.minimum(0, step - layer), step).astype(np.float32)


def draw_vesicles(cloud: Plane, walls: Walls, rng: np.random.Generator) -> Plane:
    """Grey steps (y, x) of synaptic vesicles, rings of about 40 nm, as dense as `cloud` (in [0, 1]) says."""
    layer = np.zeros(walls.owner.shape, np.float32)
    rows, columns = np.mgrid[0 : layer.shape[0] : 3.9, 0 : layer.shape[1] : 3.9]
    spots = np.stack([rows.ravel(), columns.ravel()], axis=1) + rng.normal(0, 1.2, (rows.size, 2))
    pixel = np.rint(spots).astype(int)
    pixel_in = ((pixel >= 3) & (pixel < np.array(layer.shape) - 4)).all(axis=1)
    spots, pixel = spots[pixel_in], pixel[pixel_in]
    chance = cloud[pixel[:, 0], pixel[:, 1]] * (walls.distance_px[pixel[:, 0], pixel[:, 1]] > CLEARANCE_PX + 1)
    chosen = rng.random(len(spots)) < chance
    fill, rim, thickness = Kind.VESICLE.value
    grid = np.arange(-3, 4)
    spots, pixel = spots[chosen], pixel[chosen]
    rows, columns = pixel[:, 0, None, None] + grid[:, None], pixel[:, 1, None, None] + grid
    distance = np.hypot(rows - spots[:, 0, None, None], columns - spots[:, 1, None, None])
    radius = rng.uniform(1.3, 1.9, len(spots))[:, None, None]
    strength = rng.uniform(0.6, 1.1, len(spots))[:, None, None]
    ring = strength * (rim * np.exp(-(((distance - radius) / thickness) ** 2) / 2) + fill * (distance < radius))
    np.add.at(layer, (rows, columns), ring)
    return layer
