"""Tracks that go on beyond sections in which they are not seen: damaged, missing, or without the object."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from tracing.registration_cache import Registrar
from tracing.registration_flow import Flow, composed
from tracing.tracking_alignment import Alignment, align
from tracing.tracking_anchors import AnchoredSection, allowed
from tracing.tracking_assignment import assign
from tracing.tracking_costs import LinkCosts, Seen, candidates
from tracing.tracking_links import Links, links_of
from tracing.tracking_objects import Numbers, SectionObjects, carried, in_common, measured

Which = NDArray[np.bool_]

_LOST = 0.75
"""A section that resembles neither neighbour by this part of what is usual is perhaps damaged."""


class GapRules(BaseModel):
    """When a track goes on beyond sections in which it is not seen."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    sections: int = Field(default=2, ge=0, le=10)
    """Sections that a track may be missing in; 0 closes no gap."""
    caution: float = Field(default=0.6, gt=0, le=1)
    """Part of the cost of ending and beginning that a link over a gap may have."""


@dataclass
class Past:
    """A section while later ones are linked to it.

    Attributes
    ----------
    section, anchored
        Objects and anchors.
    alignment : Alignment or None
        How it lies on the section before.
    usual_similarity : float
        Median similarity of the pairs of neighbours before.
    followed, preceded : (objects + 1,) bool
        Which objects have a link to a later, and to an earlier section.
    motion : (objects + 1, 2)
        How each moves on to the next section, in px along y and x.
    over : dict of int to (2, y, x) float32
        How it lies on the section so many before it, as far as that was asked for.
    """

    section: SectionObjects
    anchored: AnchoredSection
    alignment: Alignment | None = None
    usual_similarity: float = 0.0
    followed: NDArray[np.bool_] = field(init=False)
    preceded: NDArray[np.bool_] = field(init=False)
    motion: Numbers = field(init=False)
    over: dict[int, Flow] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Begin with no link."""
        self.followed = np.zeros(len(self.section) + 1, np.bool_)
        self.preceded = np.zeros(len(self.section) + 1, np.bool_)
        self.motion = np.zeros((len(self.section) + 1, 2))


def seen_together(
    first: SectionObjects, second: SectionObjects, flow: Flow, *, of: tuple[Which, Which] | None = None
) -> tuple[Seen, Seen]:
    """Give two sections as they are compared, the second carried into the frame of the first.

    With `of` only those objects are seen of which it is true, (objects + 1,) of either section.
    """
    labels = in_common(first, second, flow)
    if of:
        labels = (labels[0] * of[0][labels[0]], labels[1] * of[1][labels[1]])
    greys = (first.grey, *carried((second.grey,), flow))
    a, b = (
        Seen(plane, measured(plane, grey, len(section)))
        for plane, grey, section in zip(labels, greys, (first, second), strict=True)
    )
    return a, b


def close_gaps(
    past: Sequence[Past], now: Past, registrar: Registrar, costs: LinkCosts, rules: GapRules
) -> tuple[list[Links], tuple[int, ...]]:
    """Link objects of section `now` without a link to such of earlier sections, the nearest sections first.

    Parameters
    ----------
    past : sequence of Past
        The sections before, in order; the last is the one before `now`, with which it is linked already.
    now : Past
        The section.
    registrar : Registrar
        Lays sections directly on one another where one between is damaged.
    costs, rules
        As for neighbours, with more caution where nothing is wrong with the sections between.

    Returns
    -------
    links : list of Links
        Of kind `gap`.
    damaged : tuple of int
        The section before `now`, if it turns out to be damaged.
    """
    found: list[Links] = []
    damaged: tuple[int, ...] = ()
    for back in range(2, min(rules.sections + 1, len(past)) + 1):
        before, between = past[-back], [*past][1 - back :]
        bridge = None
        if any(map(_suspect, between, [*between[1:], now])):
            bridge = align(before.section, now.section, registrar)
            if back == 2 and bridge.similarity > max(_similarity(between[0]), _similarity(now)):
                damaged = (between[0].section.z,)
        flow = bridge.flow if bridge else _over([*between, now])
        ending = costs.ending if bridge else costs.ending * rules.caution
        links = _linked(before, now, flow, costs.model_copy(update={"ending": ending}), registrar.pixel_nm)
        before.followed[links.first] = True
        now.preceded[links.second] = True
        found.append(links)
    return found, damaged


def _suspect(section: Past, later: Past) -> bool:
    """Say whether a section is perhaps damaged: no object or a single one fills it, or it resembles no neighbour."""
    if not len(section.section) or section.section.filling[1:].any():
        return True
    return max(_similarity(section), _similarity(later)) < _LOST * section.usual_similarity


def _similarity(section: Past) -> float:
    return section.alignment.similarity if section.alignment else -1.0


def _over(sections: Sequence[Past]) -> Flow:
    """Join the displacements of consecutive sections; the last keeps that, since the next section asks for it again."""
    last = sections[-1]
    assert last.alignment is not None  # the first section of all lies on none
    if len(sections) == 1:
        return last.alignment.flow
    if len(sections) not in last.over:
        last.over[len(sections)] = composed(last.alignment.flow, _over(sections[:-1]))
    return last.over[len(sections)]


def _linked(before: Past, now: Past, flow: Flow, costs: LinkCosts, pixel_nm: float) -> Links:
    """Link what has no link yet; only such objects are looked at."""
    counts = (len(before.section), len(now.section))
    first, second = seen_together(before.section, now.section, flow, of=(~before.followed, ~now.preceded))
    pairs = allowed(candidates(first, second, costs, pixel_nm=pixel_nm), before.anchored, now.anchored)
    return links_of(assign(pairs, counts, ending=costs.ending), (before.section.z, now.section.z), "gap")
