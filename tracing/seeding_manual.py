"""Seeds that a person set: they decide where one section's objects part."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import watershed

from loop.errors import InputError


def parted_by_seeds(
    objects: NDArray[np.int32], membrane: NDArray[Any], seeds_px: NDArray[np.int64], names: NDArray[np.int64]
) -> NDArray[np.int32]:
    """Part those objects of a section in which seeds of several names lie.

    Parameters
    ----------
    objects : ndarray of int32, shape (y, x)
        Objects found in the membrane, 0 = none.
    membrane : ndarray of float, shape (y, x)
        Membrane probability, 1 = membrane.
    seeds_px : ndarray of int64, shape (seed, 2)
        Points y, x, for instance set by hand every N sections.
    names : ndarray of int64, shape (seed,)
        Seeds of one name belong to one object.

    Returns
    -------
    ndarray of int32, shape (y, x)
        Objects without two names in one: where there were several, a watershed of the membrane from the seeds parts
        them, one part keeps the old id and the others get new ones. Objects with seeds of one name, or none, stay.

    Raises
    ------
    InputError
        If a seed lies outside the section, or two of different names on the same pixel.
    """
    _require_usable(objects.shape, seeds_px, names)
    result, unused = objects.copy(), int(objects.max(initial=0)) + 1
    owners = objects[seeds_px[:, 0], seeds_px[:, 1]]
    for one in np.unique(owners[owners > 0]):
        mine = owners == one
        known, numbers = np.unique(names[mine], return_inverse=True)
        if len(known) < 2:
            continue
        markers = np.zeros(objects.shape, np.int32)
        markers[tuple(seeds_px[mine].T)] = numbers + 1
        parts = watershed(membrane, markers, mask=objects == one)
        ids = np.concatenate([[0, one], np.arange(unused, unused + len(known) - 1)])
        result = np.where(parts > 0, ids[parts], result)
        unused += len(known) - 1
    return np.asarray(result, np.int32)


def _require_usable(shape: tuple[int, ...], seeds_px: NDArray[np.int64], names: NDArray[np.int64]) -> None:
    outside = ((seeds_px < 0) | (seeds_px >= np.array(shape))).any(axis=1)
    if outside.any():
        raise InputError(
            "a seed lies outside its section",
            given=f"y, x = {tuple(seeds_px[outside][0].tolist())}",
            expected=f"y from 0 to {shape[0] - 1}, x from 0 to {shape[1] - 1}",
            fix="move the seed or take it away",
        )
    order = np.lexsort((names, *seeds_px.T))
    same = (np.diff(seeds_px[order], axis=0) == 0).all(axis=1) & (np.diff(names[order]) != 0)
    if same.any():
        at = order[np.flatnonzero(same)[0]]
        raise InputError(
            "two seeds of different names lie on one pixel",
            given=f"y, x = {tuple(seeds_px[at].tolist())}",
            expected="one name for a pixel",
            fix="give both the same name, or move one",
        )
