"""What was traced last in a run, for whoever shows it or hands it on."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import TypeAdapter
from scipy import ndimage

from flows.axon_table import axons_path
from flows.summary_tracks import Cut, Strip, TracedAxon, TracedAxons
from loop.volume import Volume, open_labels
from tracing.axons import Axon
from tracing.colours import bytes_of

_OF_A_RUN = ("axons.*", "axons/*")
_SUFFIXES = ([".zarr"], [".h5"], [".hdf5"])
_LISTED, _STRIPS, _CUTS = 12, 6, 6
_LEAST_SIDE_PX = 64


@dataclass(frozen=True, eq=False)
class _Profile:
    """What a section shows of an axon."""

    middle: tuple[int, ...]
    """Of its largest piece: row, column."""
    extent: int
    """Of that piece, px."""
    pixels: NDArray[np.intp]
    """(pixels, 2): rows and columns of all its pieces."""


def newest_axons(root: Path) -> Path | None:
    """Find the axons that were traced last into a run's folder."""
    traced = [path for name in _OF_A_RUN for path in root.glob(name) if path.suffixes in _SUFFIXES]
    return max(traced, key=lambda path: path.stat().st_mtime, default=None)


def traced_axons(root: Path, image: Volume) -> TracedAxons | None:
    """Give what the report shows of the newest axons; None where there are none, or no tables and picture with them.

    Of the longest axons a few sections are read, one after the other.
    """
    path = newest_axons(root)
    table = None if path is None else axons_path(path).with_suffix(".json")
    if path is None or table is None or not table.exists() or not table.with_suffix(".png").exists():
        return None
    axons = TypeAdapter(list[Axon]).validate_json(table.read_bytes())
    labels = open_labels(f"{path}:labels")
    if labels.shape != image.shape:
        return None
    with Image.open(table.with_suffix(".png")) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    return TracedAxons(
        file=str(path.relative_to(root)),
        count=len(axons),
        longest=tuple(_line(axon) for axon in axons[:_LISTED]),
        picture=pixels,
        strips=_strips(axons[:_STRIPS], labels, image),
    )


def _line(axon: Axon) -> TracedAxon:
    return TracedAxon(axon.axon, axon.length_um, axon.sections, axon.breaks, axon.mean_link_margin)


def _strips(axons: list[Axon], labels: Volume, image: Volume) -> tuple[Strip, ...]:
    places = {axon.axon: np.linspace(axon.first, axon.last, _CUTS).round().astype(int) for axon in axons}
    found: dict[int, dict[int, _Profile]] = {axon.axon: {} for axon in axons}
    for z in sorted({int(z) for wanted in places.values() for z in wanted}):
        section = labels.section(z)
        for axon, wanted in places.items():
            profile = _profile(section == axon) if z in wanted else None
            if profile is not None:
                found[axon][z] = profile
    return tuple(
        Strip(_line(axon), bytes_of(axon.axon), _cuts(found[axon.axon], image)) for axon in axons if found[axon.axon]
    )


def _profile(inside: NDArray[np.bool_]) -> _Profile | None:
    pieces, count = ndimage.label(inside)
    if not count:
        return None
    largest = ndimage.find_objects(pieces)[np.bincount(pieces.ravel())[1:].argmax()]
    return _Profile(
        middle=tuple((extent.start + extent.stop) // 2 for extent in largest),
        extent=max(extent.stop - extent.start for extent in largest),
        pixels=np.argwhere(inside),
    )


def _cuts(profiles: dict[int, _Profile], image: Volume) -> tuple[Cut, ...]:
    """Cut the sections about the largest piece of an axon, all as large as the largest of these needs."""
    side = max(_LEAST_SIDE_PX, *(round(1.5 * profile.extent) for profile in profiles.values()))
    shape = tuple(min(side, extent) for extent in image.shape[1:])
    cuts = []
    for z, profile in profiles.items():
        corner = [
            min(max(middle - size // 2, 0), extent - size)
            for middle, size, extent in zip(profile.middle, shape, image.shape[1:], strict=True)
        ]
        pixels = profile.pixels - corner
        pixels = pixels[((pixels >= 0) & (pixels < shape)).all(axis=1)]
        inside = np.zeros(shape, bool)
        inside[tuple(pixels.T)] = True
        window = tuple(slice(start, start + size) for start, size in zip(corner, shape, strict=True))
        cuts.append(Cut(z, image.section(z)[window].copy(), inside))
    return tuple(cuts)
