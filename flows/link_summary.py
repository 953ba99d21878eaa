"""What `proofloop link` reports: the whole, and section by section what may need a human."""

from collections import Counter

import numpy as np
from pydantic import BaseModel, ConfigDict

from loop.volume import VoxelSize
from tracing.registration_drift import drift_px, jumps
from tracing.tracking import Step
from tracing.tracking_links import LinkKind

_DOUBTFUL_NATS = 1.0


class SectionReport(BaseModel):
    """How one section was linked to those before."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    z: int
    """The section."""
    objects: int
    """Its objects."""
    begun: int
    """Objects without a link to an earlier section."""
    doubtful: int
    """Links one to one with a margin below 1 nat."""
    similarity: float | None
    """Correlation of the image with the section before, after registration; null for the first."""
    agreement: float | None
    """Mean overlap of best pairs of objects after registration, 0 to 1."""
    registered_by: str | None
    """`image`, `none` (lying as it is) or `outlines`."""
    shift_px: tuple[float, float] | None
    """Median displacement along y and x."""
    links: dict[LinkKind, int]
    """Links to earlier sections, by kind."""


class LinkSummary(BaseModel):
    """What `proofloop link` did."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    out: str
    """The tracks: dataset `labels`."""
    links_table: str
    """The links with their costs and margins."""
    shape: tuple[int, int, int]
    """Of the tracks: the labels'."""
    voxel_size_nm_zyx: VoxelSize | None
    """Null where nobody says."""
    pixel_nm: float
    """Within a section, as it was linked: guessed from the objects where nobody says, or what is said is three times
    too large or too small for neurites."""
    objects: int
    """In all sections."""
    tracks: int
    """3D ids."""
    links: dict[LinkKind, int]
    """By kind."""
    doubtful: int
    """Links one to one with a margin below 1 nat."""
    severed: int
    """Links that were not followed, since anchors keep their tracks apart."""
    aside: int
    """Branches that were not followed, since they are in doubt (a negative margin) and much would hang on them."""
    damaged: list[int]
    """Sections that look damaged: without objects, or their neighbours resemble each other more."""
    jumps: list[int]
    """Sections whose displacement from the one before stands out."""
    drift_nm: tuple[float, float]
    """Sum of all displacements along y and x."""
    seconds: float
    """Wall time."""
    sections: list[SectionReport]
    """One by one."""


def section_report(step: Step) -> SectionReport:
    """Sum up how one section was linked."""
    begun = np.ones(len(step.section) + 1, np.bool_)
    for links in step.links:
        begun[links.second] = False
    aligned = step.alignment
    margins = [links.margin for links in step.links if links.kind == "link"]
    return SectionReport(
        z=step.section.z,
        objects=len(step.section),
        begun=int(begun[1:].sum()),
        doubtful=sum(int((some < _DOUBTFUL_NATS).sum()) for some in margins),
        similarity=aligned.similarity if aligned else None,
        agreement=aligned.agreement if aligned else None,
        registered_by=aligned.source if aligned else None,
        shift_px=aligned.shift_px() if aligned else None,
        links=Counter({links.kind: len(links) for links in step.links}),
    )


def damaged_sections(steps_damaged: list[int], sections: list[SectionReport]) -> list[int]:
    """Give the sections that look damaged: found so while tracking, or without objects between others."""
    filled = [section.z for section in sections if section.objects]
    empty = [section.z for section in sections if not section.objects and filled[0] < section.z < filled[-1]]
    return sorted({*steps_damaged, *empty})


def jumps_and_drift(sections: list[SectionReport], pixel_nm: float) -> tuple[list[int], tuple[float, float]]:
    """Give the sections that jump and the sum of all displacements along y and x in nm."""
    shifts = {section.z: section.shift_px for section in sections if section.shift_px is not None}
    y, x = drift_px(list(shifts.values()))
    return [list(shifts)[at] for at in jumps(list(shifts.values()))], (y * pixel_nm, x * pixel_nm)
