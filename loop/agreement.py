"""How far two annotations of one section agree: per object by overlap, per section by VOI and adapted Rand error."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from loop.labels import objects_of_section
from loop.metrics import agreement
from loop.overlaps import Overlaps, overlaps_of

_WORST = 5


class ObjectAgreement(BaseModel):
    """An object of one annotation and how well the other has it."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    y: int
    """Row of one of its pixels."""
    x: int
    """Column of the same pixel."""
    iou: float
    """Intersection over union with the object that it overlaps most; 0 where the other annotation has none."""


class SectionAgreement(BaseModel):
    """Agreement of two annotations of a section, in which neither counts as the truth."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    matched: int
    """Objects that overlap each other most."""
    only_first: int
    """Objects of the first annotation without such a partner in the second."""
    only_second: int
    """Objects of the second annotation without such a partner in the first."""
    mean_iou: float
    """Mean intersection over union of all objects, those without a partner counting 0; 1 where there are none."""
    voi: float | None
    """Variation of information in bits, over pixels that both give to an object; None where there are none."""
    adapted_rand_error: float | None
    """One minus the harmonic mean of pair precision and recall, over the same pixels."""
    worst: list[ObjectAgreement]
    """Objects that agree least, for the reviewer to look at; at most five, the worst first."""


def section_agreement(first: NDArray[Any], second: NDArray[Any]) -> SectionAgreement:
    """Compare two annotations of a section; the order only decides which is called the first.

    Connected profiles are matched by largest mutual overlap, whatever their ids.

    Parameters
    ----------
    first, second : ndarray of unsigned int, shape (y, x)
        Instance ids, 0 = membrane.

    Raises
    ------
    InputError
        If the shapes differ.
    """
    overlaps = overlaps_of(first, second)
    matched = overlaps.iou[overlaps.mutual]
    alone = [len(sizes) - 1 - len(matched) for sizes in overlaps.sizes]
    objects = len(matched) + sum(alone)
    voi, error = _measures(first, second)
    return SectionAgreement(
        matched=len(matched),
        only_first=alone[0],
        only_second=alone[1],
        mean_iou=float(matched.sum() / objects) if objects else 1.0,
        voi=voi,
        adapted_rand_error=error,
        worst=_worst((first, second), overlaps),
    )


def _measures(first: NDArray[Any], second: NDArray[Any]) -> tuple[float | None, float | None]:
    """Both measures are symmetric where only pixels count that both annotations give to an object."""
    common = (first > 0) & (second > 0)
    if not common.any():
        return None, None
    a, b = (np.where(common, objects_of_section(labels), 0) for labels in (first, second))
    measured = agreement(a, b, dice=1.0)
    return measured.voi, measured.adapted_rand_error


def _worst(annotations: tuple[NDArray[Any], NDArray[Any]], overlaps: Overlaps) -> list[ObjectAgreement]:
    """Give the objects of the first that agree least, then those of the second that have no partner."""
    found: list[ObjectAgreement] = []
    for side, labels in enumerate(annotations):
        iou = np.zeros(len(overlaps.sizes[side]))
        iou[overlaps.pairs[side][overlaps.mutual]] = overlaps.iou[overlaps.mutual]
        profiles, places = np.unique(objects_of_section(labels), return_index=True)
        for profile, place in zip(profiles, places, strict=True):
            differs = iou[profile] < 1 if side == 0 else iou[profile] == 0
            if profile > 0 and differs:
                y, x = divmod(int(place), labels.shape[1])
                found.append(ObjectAgreement(y=y, x=x, iou=float(iou[profile])))
    return sorted(found, key=lambda one: one.iou)[:_WORST]
