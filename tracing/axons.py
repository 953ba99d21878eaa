"""What a track measures: length, extent, breaks; collected section by section."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

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
    """Of the line through the centres of its profiles, one centre in each section."""
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
    mean_link_margin: float | None
    """Mean lead, in nats, of its links over the second best; null without a link of which that is known."""


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
    """

    ids: NDArray[Any]
    voxels: NDArray[np.int64]
    y_px: NDArray[np.float64]
    x_px: NDArray[np.float64]


def profiles_of(section: NDArray[np.unsignedinteger]) -> Profiles:
    """Measure the tracks of a section `(y, x)`, 0 = none."""
    ids, owner = np.unique(section, return_inverse=True)
    owner, kept = owner.ravel(), ids > 0
    voxels = np.bincount(owner)
    y, x = (np.bincount(owner, at) / voxels for at in np.divmod(np.arange(section.size), section.shape[1]))
    return Profiles(ids[kept], voxels[kept], y[kept], x[kept])


class AxonTable:
    """Measures tracks while the sections of a volume pass by in the order of z.

    Parameters
    ----------
    n_tracks : int
        Ids run from 1 to this.
    voxel_size_nm_zyx : tuple of float
        Size of a voxel.
    """

    def __init__(self, n_tracks: int, voxel_size_nm_zyx: tuple[float, float, float]) -> None:
        self._size = voxel_size_nm_zyx
        self._length_nm, self._centre_nm = np.zeros(n_tracks + 1), np.zeros((n_tracks + 1, 3))
        self._voxels, self._sections, self._breaks = (np.zeros(n_tracks + 1, np.int64) for _ in range(3))
        self._first, self._last = (np.full(n_tracks + 1, -1, np.int64) for _ in range(2))

    def add(self, z: int, profiles: Profiles) -> None:
        """Take in the profiles of section `z`."""
        ids = profiles.ids
        at = (np.full(len(ids), float(z)), profiles.y_px, profiles.x_px)
        centre_nm = np.stack(at, axis=1) * self._size
        step_nm = np.linalg.norm(centre_nm - self._centre_nm[ids], axis=1)
        new = self._first[ids] < 0
        self._length_nm[ids] += np.where(new, 0, step_nm)
        self._breaks[ids] += ~new & (self._last[ids] < z - 1)
        self._first[ids[new]] = z
        self._last[ids], self._centre_nm[ids] = z, centre_nm
        self._sections[ids] += 1
        self._voxels[ids] += profiles.voxels

    def axons(self, links: Iterable[Links], tracks: Sequence[NDArray[np.uint64]]) -> list[Axon]:
        """Give the tracks that were seen, the longest first.

        Parameters
        ----------
        links : iterable of Links
            All of the volume's; those one to one and over gaps count.
        tracks : sequence of (objects + 1,) uint64
            For each section, the track of its objects.
        """
        margin, count = np.zeros(len(self._first)), np.zeros(len(self._first), np.int64)
        for some in links:
            if some.kind in ("link", "gap"):
                known = np.isfinite(some.margin)
                np.add.at(margin, tracks[some.z][some.first[known]], some.margin[known])
                np.add.at(count, tracks[some.z][some.first[known]], 1)
        order = np.argsort(-self._length_nm, kind="stable")
        return [self._axon(int(n), margin[n] / count[n] if count[n] else None) for n in order if self._sections[n]]

    def _axon(self, number: int, margin: float | None) -> Axon:
        return Axon(
            axon=number,
            length_um=float(self._length_nm[number]) / 1e3,
            volume_um3=float(self._voxels[number] * np.prod(self._size)) / 1e9,
            sections=int(self._sections[number]),
            first=int(self._first[number]),
            last=int(self._last[number]),
            breaks=int(self._breaks[number]),
            mean_link_margin=margin,
        )
