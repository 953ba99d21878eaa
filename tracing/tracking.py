"""Tracking: objects of consecutive sections linked into tracks, a few sections in memory at a time."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
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
    sections: Iterable[SectionObjects],
    registrar: Registrar,
    config: TrackingConfig,
    anchors: Sequence[Anchor] = (),
) -> Iterator[Step]:
    """Link sections one after another.

    Parameters
    ----------
    sections : iterable of SectionObjects
        In the order of z.
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
    tracker = Tracker(registrar, config, anchors)
    for section in sections:
        yield tracker.add(section)


class Tracker:
    """Links sections one after another; what it remembers is all that later links depend on.

    Parameters
    ----------
    registrar, config, anchors
        As for `track`.
    past : sequence of Past
        The last sections that another tracker linked, `config.gaps.sections + 1` of them, to go on after them.
    similarities : sequence of float
        How alike its pairs of neighbours were.
    """

    def __init__(
        self,
        registrar: Registrar,
        config: TrackingConfig,
        anchors: Sequence[Anchor] = (),
        *,
        past: Iterable[Past] = (),
        similarities: Iterable[float] = (),
    ) -> None:
        self.past: deque[Past] = deque(past, maxlen=config.gaps.sections + 1)
        self.similarities = list(similarities)
        self._registrar, self._config, self._anchors = registrar, config, anchors
        self._names = sorted({anchor.track for anchor in anchors})

    def add(self, section: SectionObjects, alignment: Alignment | None = None) -> Step:
        """Link the next section.

        Parameters
        ----------
        section : SectionObjects
            Its objects.
        alignment : Alignment, optional
            How it lies on the section before, where that is known already.
        """
        now = Past(section, anchored(section, self._anchors, self._names))
        step = Step(section, now.anchored, None, [])
        if self.past:
            before = self.past[-1]
            now.alignment = alignment or align(before.section, section, self._registrar)
            self.similarities.append(now.alignment.similarity)
            now.usual_similarity = float(np.median(self.similarities))
            found = _linked(before, now, now.alignment, self._config, self._registrar.pixel_nm)
            gaps, damaged = close_gaps(self.past, now, self._registrar, self._config.costs, self._config.gaps)
            links = [some for some in (*found, *gaps) if len(some)]
            step = Step(section, now.anchored, now.alignment, links, damaged)
        self.past.append(now)
        return step


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
    if not (before.section.in_pieces or now.section.in_pieces):
        # everything lies on what fills a section, so that it is nothing's trunk
        trunks = ~(before.section.filling[open_pairs.first] | now.section.filling[open_pairs.second])
        found += [
            pass_(open_pairs.where(trunks), links, (first, second), config.branches, pixel_nm=pixel_nm)
            for pass_ in (splits, merges)
        ]
    for one in found:
        before.followed[one.first] = True
        now.preceded[one.second] = True
    return found
