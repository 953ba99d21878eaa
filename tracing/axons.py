"""What a track measures: length, extent, breaks; collected section by section."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from tracing.tracking_links import Links


class Axon(BaseModel):
    """One track."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    axon: int
    """Its id in `labels`."""
    length_um: float
    """Of its skeleton with all branches; where it has none, of the line through the centres of its profiles."""
    length_along: Literal["centres", "skeleton"] = "centres"
    """Which of the two."""
    volume_um3: float
    """Of its voxels."""
    sections: int
    """In which it is seen."""
    first: int
    """Section where it begins."""
    last: int
    """Section where it ends."""
    breaks: int
    """Times that it is not seen for one or more sections in between."""
    mean_link_margin: float | None = None
    """Mean lead, in nats, of its links over the second best; null without a link of which that is known."""
    z: int
    """Section of one of its voxels, in the middle of its sections."""
    y: int
    """Row of that voxel."""
    x: int
    """Column of that voxel."""
    top: int
    """First row in which it is seen."""
    left: int
    """First column in which it is seen."""
    bottom: int
    """Last row in which it is seen."""
    right: int
    """Last column in which it is seen."""


@dataclass(frozen=True)
class Profiles:
    """What one section shows of tracks.

    Attributes
    ----------
    ids : (profiles,) unsigned int
        Tracks, ascending.
    voxels : (profiles,) int64
        Of each.
    y_px, x_px : (profiles,) float64
        Its centre.
    pixel : (profiles, 2) int64
        Row and column of a pixel in it; centres may lie outside.
    box : (profiles, 4) int64
        Its first row and column, its last row and column.
    """

    ids: NDArray[Any]
    voxels: NDArray[np.int64]
    y_px: NDArray[np.float64]
    x_px: NDArray[np.float64]
    pixel: NDArray[np.int64]
    box: NDArray[np.int64]


def profiles_of(section: NDArray[np.unsignedinteger]) -> Profiles:
    """Measure the tracks of a section `(y, x)`, 0 = none.

    Labels repeat along rows, so runs are looked at in place of pixels.
    """
    width = section.shape[1]
    flat = section.ravel()
    begins = np.ones(flat.size, np.bool_)
    begins[1:] = flat[1:] != flat[:-1]
    begins[::width] = True
    starts = np.flatnonzero(begins)
    lengths = np.diff(starts, append=flat.size)
    starts, lengths = starts[flat[starts] > 0], lengths[flat[starts] > 0]
    ids, first, owner = np.unique(flat[starts], return_index=True, return_inverse=True)
    rows, columns = np.divmod(starts, width)
    voxels = np.zeros(len(ids), np.int64)
    np.add.at(voxels, owner, lengths)
    low, high = np.full((len(ids), 2), flat.size), np.full((len(ids), 2), -1)
    np.minimum.at(low, owner, np.stack((rows, columns), axis=1))
    np.maximum.at(high, owner, np.stack((rows, columns + lengths - 1), axis=1))
    y_px, x_px = (np.bincount(owner, at * lengths, len(ids)) / voxels for at in (rows, columns + (lengths - 1) / 2))
    return Profiles(
        ids, voxels, y_px, x_px, np.stack((rows[first], columns[first]), axis=1), np.concatenate((low, high), axis=1)
    )


class AxonTable:
    """Measures tracks while the sections of a volume pass by; ids may be any.

    Parameters
    ----------
    voxel_size_nm_zyx : tuple of float
        Size of a voxel.
    """

    def __init__(self, voxel_size_nm_zyx: tuple[float, float, float]) -> None:
        self._size = np.asarray(voxel_size_nm_zyx, np.float64)
        self._seen: list[tuple[int, Profiles]] = []

    def add(self, z: int, profiles: Profiles) -> None:
        """Take in the profiles of section `z`."""
        self._seen.append((z, profiles))

    def axons(self, links: Iterable[Links] = (), tracks: Sequence[NDArray[np.uint64]] = ()) -> list[Axon]:
        """Give the tracks that were seen, the longest first.

        Parameters
        ----------
        links : iterable of Links
            All of the volume's; those one to one and over gaps count.
        tracks : sequence of (objects + 1,) uint64
            For each section, the track of its objects.
        """
        if not self._seen:
            return []
        margins = _mean_margins(links, tracks)
        sections = np.concatenate([np.full(len(seen.ids), z) for z, seen in self._seen])
        ids = np.concatenate([seen.ids for _, seen in self._seen])
        order = np.lexsort((sections, ids))
        bounds = np.flatnonzero(np.diff(ids[order])) + 1
        both = {
            name: np.concatenate([getattr(seen, name) for _, seen in self._seen])[order]
            for name in ("voxels", "y_px", "x_px", "pixel", "box")
        }
        parts = np.split(np.arange(len(ids)), bounds) if len(ids) else []
        axons = [
            self._axon(int(ids[order[part[0]]]), sections[order[part]], {k: v[part] for k, v in both.items()}, margins)
            for part in parts
        ]
        return sorted(axons, key=lambda axon: -axon.length_um)

    def _axon(
        self, number: int, sections: NDArray[np.int64], seen: dict[str, NDArray[Any]], margins: dict[int, float]
    ) -> Axon:
        centres_nm = np.stack((sections, seen["y_px"], seen["x_px"]), axis=1) * self._size
        middle = len(sections) // 2
        return Axon(
            axon=number,
            length_um=float(np.linalg.norm(np.diff(centres_nm, axis=0), axis=1).sum()) / 1e3,
            volume_um3=float(seen["voxels"].sum() * self._size.prod()) / 1e9,
            sections=len(sections),
            first=int(sections[0]),
            last=int(sections[-1]),
            breaks=int(np.count_nonzero(np.diff(sections) > 1)),
            mean_link_margin=margins.get(number),
            z=int(sections[middle]),
            **dict(zip("yx", seen["pixel"][middle].tolist(), strict=True)),
            **dict(zip(("top", "left"), seen["box"][:, :2].min(axis=0).tolist(), strict=True)),
            **dict(zip(("bottom", "right"), seen["box"][:, 2:].max(axis=0).tolist(), strict=True)),
        )


def _mean_margins(links: Iterable[Links], tracks: Sequence[NDArray[np.uint64]]) -> dict[int, float]:
    """Give the mean margin of the links of each track that has a known one."""
    margins: dict[int, list[float]] = {}
    for some in links:
        if some.kind in ("link", "gap"):
            known = np.isfinite(some.margin)
            of = tracks[some.z][some.first[known]].tolist()
            for track, margin in zip(of, some.margin[known].tolist(), strict=True):
                margins.setdefault(track, []).append(margin)
    return {track: sum(some) / len(some) for track, some in margins.items()}
