"""Tracking: objects of consecutive sections linked into tracks, a few sections in memory at a time."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from tracing.registration import RegistrationConfig
from tracing.registration_cache import Registrar
from tracing.tracking_alignment import Alignment, align
from tracing.tracking_anchors import Anchor, AnchoredSection, allowed, anchored, forced
from tracing.tracking_assignment import assign
from tracing.tracking_branches import BranchRules, merges, splits
from tracing.tracking_costs import LinkCosts, candidates
from tracing.tracking_gaps import GapRules, Past, close_gaps, seen_together
from tracing.tracking_links import Links, links_of
from tracing.tracking_motion import ahead, cheaper, motion_of
from tracing.tracking_objects import SectionObjects


class TrackingConfig(BaseModel):
    """How objects of consecutive sections are linked."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    registration: RegistrationConfig = Field(default_factory=RegistrationConfig)
    """How sections are laid on one another."""
    costs: LinkCosts = Field(default_factory=LinkCosts)
    """What makes two objects one."""
    branches: BranchRules = Field(default_factory=BranchRules)
    """When an object without a link is a branch."""
    gaps: GapRules = Field(default_factory=GapRules)
    """How tracks go on beyond sections in which they are not seen."""


@dataclass(frozen=True)
class Step:
    """What was found when a section was added.

    Attributes
    ----------
    section : SectionObjects
        The section.
    anchored : AnchoredSection
        Its anchors.
    alignment : Alignment or None
        How it lies on the section before; None for the first.
    links : list of Links
        To earlier sections.
    damaged : tuple of int
        The section before, if this one lies better on the one before that.
    """

    section: SectionObjects
    anchored: AnchoredSection
    alignment: Alignment | None
    links: list[Links]
    damaged: tuple[int, ...] = ()


def track(
    sections: Iterable[tuple[SectionObjects, NDArray[Any]]],
    registrar: Registrar,
    config: TrackingConfig,
    anchors: Sequence[Anchor] = (),
) -> Iterator[Step]:
    """Link sections one after another.

    Parameters
    ----------
    sections : iterable of (SectionObjects, ndarray)
        In the order of z: objects and EM image (y, x) of each.
    registrar : Registrar
        Registers the images.
    config : TrackingConfig
        Costs and rules.
    anchors : sequence of Anchor
        Hard constraints.

    Yields
    ------
    Step
        For each section its links to the sections before. `TrackTable` makes tracks of them.
    """
    names = sorted({anchor.track for anchor in anchors})
    past: deque[Past] = deque(maxlen=config.gaps.sections + 1)
    similarities: list[float] = []
    for section, image in sections:
        now = Past(section, image, anchored(section, anchors, names))
        step = Step(section, now.anchored, None, [])
        if past:
            now.alignment = align(past[-1].section, section, (past[-1].image, image), registrar)
            similarities.append(now.alignment.similarity)
            now.usual_similarity = float(np.median(similarities))
            found = _linked(past[-1], now, now.alignment, config, registrar.pixel_nm)
            gaps, damaged = close_gaps(past, now, registrar, config.costs, config.gaps)
            links = [some for some in (*found, *gaps) if len(some)]
            step = Step(section, now.anchored, now.alignment, links, damaged)
        past.append(now)
        yield step


def _linked(before: Past, now: Past, alignment: Alignment, config: TrackingConfig, pixel_nm: float) -> list[Links]:
    """Link two consecutive sections: anchors, then one to one, then branches."""
    first, second = seen_together(before.section, now.section, alignment.flow)
    pairs = candidates(first, second, config.costs, pixel_nm=pixel_nm)
    moved = ahead(first, before.motion, before.section.grey)
    pairs = cheaper(pairs, candidates(moved, second, config.costs, pixel_nm=pixel_nm))
    pairs = allowed(pairs, before.anchored, now.anchored)
    sure = forced(before.anchored, now.anchored)
    open_pairs = pairs.where(~np.isin(pairs.first, sure[0]) & ~np.isin(pairs.second, sure[1]))
    counts = (len(before.section), len(now.section))
    z = (before.section.z, now.section.z)
    links = links_of(assign(open_pairs, counts, ending=config.costs.ending), z, "link")
    now.motion = motion_of(links, first, second, before.motion)
    certain = Links(*z, "anchor", *sure, np.zeros(len(sure[0])), np.full(len(sure[0]), np.inf))
    found = [links, certain]
    if not (before.section.in_pieces() and now.section.in_pieces()):
        found += [
            pass_(open_pairs, links, (first, second), config.branches, pixel_nm=pixel_nm) for pass_ in (splits, merges)
        ]
    for one in found:
        before.followed[one.first] = True
        now.preceded[one.second] = True
    return found
