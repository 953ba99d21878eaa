"""Expansion: from tracked seeds to labels, by a watershed of the membrane that cannot change an id."""

from collections.abc import Sequence
from typing import Any

import fastremap
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from loop.errors import InputError
from tracing.flooding import flooded


class ExpansionConfig(BaseModel):
    """How tracked seeds become labels."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    seeds_below: float = Field(default=0.5, gt=0, le=1)
    """A tracked object that has no lower membrane probability anywhere gives way to its neighbours."""
    labels_below: float | None = Field(default=None, gt=0, le=1)
    """Only voxels of a lower membrane probability are labelled; without it labels meet on the membrane."""
    weak_sections: int = Field(default=1, ge=0)
    """Tracks seen in no more sections than this give way where a longer one is missing between two sections."""

    def labels_of(
        self, tracks: NDArray[Any], membrane: NDArray[Any], mask: NDArray[np.bool_] | None = None
    ) -> NDArray[Any]:
        """Label one section: tracked objects (y, x) that are not membrane alone expand within the mask."""
        inside = fastremap.unique(tracks[membrane < self.seeds_below])
        # a lost section may be all membrane: its bridged tracks are all that is known
        seeds = fastremap.mask_except(tracks, inside.tolist()) if inside.any() else tracks
        return expand(seeds, membrane, mask, below=self.labels_below)


def expand(
    seeds: NDArray[Any],
    membrane: NDArray[Any],
    mask: NDArray[np.bool_] | None = None,
    *,
    below: float | None = None,
) -> NDArray[Any]:
    """Let seeds grow through low membrane probability until they meet.

    Parameters
    ----------
    seeds : ndarray of unsigned int, shape (y, x) or (z, y, x)
        Ids of tracks, 0 = no seed. One section grows by itself; in a block seeds also grow into sections without any.
    membrane : ndarray of float or uint8, same shape
        Membrane probability; high is membrane. The ids of the result do not depend on its scale.
    mask : ndarray of bool, same shape, optional
        What lies outside of it stays 0, also where there is a seed.
    below : float, optional
        Only voxels of a lower membrane probability are taken; by default seeds meet on the membrane.

    Returns
    -------
    ndarray of the seeds' type and shape
        Seeds keep their ids, so that sections expanded one by one agree as their seeds do. 0 where no seed came.

    Raises
    ------
    InputError
        If the shapes differ.

    Notes
    -----
    Marker watershed by flooding (Meyer 1994). Voxels are neighbours by faces; a step along z counts as one in plane.
    """
    for name, other in (("membrane", membrane), ("mask", mask)):
        if other is not None and other.shape != seeds.shape:
            raise InputError(
                f"seeds and {name} differ in shape",
                given=f"{seeds.shape} and {other.shape}",
                expected="the same",
                fix="cut both to the same voxels",
            )
    within = np.ones(seeds.shape, np.bool_) if mask is None else np.asarray(mask, np.bool_)
    if below is not None:
        within = within & (membrane < below)
    if within.all() and seeds.all():
        return seeds.copy()
    markers, ids = fastremap.renumber(np.where(within, seeds, 0), in_place=True)
    grown = flooded(membrane, markers.astype(np.int32), within)
    return fastremap.remap(grown.astype(seeds.dtype), {small: one for one, small in ids.items()}, in_place=True)


def bridged(window: Sequence[NDArray[Any]], at: int, weak: NDArray[np.bool_]) -> NDArray[Any]:
    """Give a section the tracks that are missing in it but seen before and after.

    Parameters
    ----------
    window : sequence of (y, x) unsigned int
        Tracks of consecutive sections, 0 = none.
    at : int
        Which of them is mended.
    weak : (tracks + 1,) bool
        Tracks that may be overwritten, entry 0 always: for instance those seen in one section only.

    Returns
    -------
    (y, x) unsigned int
        The section; a track that it lacks lies where the nearest section before and the nearest after both have it,
        unless a track that is not weak lies there.
    """
    here = window[at]
    result, free = here.copy(), weak[here] | (here == 0)
    present = np.zeros(len(weak), np.bool_)
    present[here.ravel()] = True
    spans = sorted(((i, j) for i in range(at) for j in range(at + 1, len(window))), key=lambda span: span[1] - span[0])
    for i, j in spans:
        before, after = window[i], window[j]
        fill = (before == after) & (before != 0) & free & ~present[before]
        result[fill] = before[fill]
        free &= ~fill
        present[before[fill]] = True
    return result
