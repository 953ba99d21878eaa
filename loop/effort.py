"""What a correction took and what it did: seconds, kinds of change, pixels, VOI."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from loop.labels import objects_of_section
from loop.metrics import agreement
from loop.overlaps import overlaps_of

_SPECK_PX = 10  # what reshaping cuts off a neighbour by accident is no work of its own


class Effort(BaseModel):
    """What an annotator did to the pre-annotation of one section; regions are connected profiles."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    active_s: float
    """Seconds at work: the lead time without the share that drafts add to it."""
    regions_split: int
    """Pre-annotated regions that became two or more."""
    regions_merged: int
    """Regions that were two or more before."""
    regions_reshaped: int
    """Regions that stayed one but gained or lost pixels."""
    regions_added: int
    """Regions where none was before."""
    regions_deleted: int
    """Pre-annotated regions of which nothing is left."""
    pixels_changed: int
    """Pixels that belong to another region than before, or to none."""
    voi_split: float
    """H(pre-annotation | annotation), bits: how much the pre-annotation cut apart; 0 where no object is left."""
    voi_merge: float
    """H(annotation | pre-annotation), bits: how much it had run together; 0 where no object is left."""

    @property
    def regions_touched(self) -> int:
        """Regions that took any work."""
        return (
            self.regions_split + self.regions_merged + self.regions_reshaped + self.regions_added + self.regions_deleted
        )

    @property
    def voi(self) -> float:
        """VOI split + merge, bits."""
        return self.voi_split + self.voi_merge


def active_seconds(lead_time_s: float, *, drafted: bool) -> float:
    """Estimate the seconds at work from what Label Studio reports.

    Its page sends the time since the task was opened plus the time that the saved draft carries; the draft was saved
    in the same sitting, shortly before, so with a draft that time is in twice and half of the sum is taken. Pauses
    with the page open count, since the server does not know of them.
    """
    return lead_time_s / 2 if drafted else lead_time_s


def effort_between(before: NDArray[Any], after: NDArray[Any], *, active_s: float) -> Effort:
    """Compare a pre-annotation with what an annotator made of it.

    Two profiles are kin when they share more than half of the smaller. A profile with several kin was split or
    merged, one with none was deleted or added, a pair that differs was reshaped.

    Parameters
    ----------
    before, after : ndarray of unsigned int, shape (y, x)
        Instance ids, 0 = membrane.
    active_s : float
        Seconds at work.
    """
    overlaps = overlaps_of(before, after)
    (old_px, new_px), (old, new) = overlaps.sizes, overlaps.pairs
    kin = (2 * overlaps.shared > overlaps.smaller_px) & (overlaps.smaller_px >= _SPECK_PX)
    parts = np.bincount(old[kin], minlength=len(old_px))
    sources = np.bincount(new[kin], minlength=len(new_px))
    single = kin & (parts[old] == 1) & (sources[new] == 1)
    voi_split, voi_merge = _voi(before, after)
    return Effort(
        active_s=active_s,
        regions_split=_count(parts > 1),
        regions_merged=_count(sources > 1),
        regions_reshaped=_count(single & (overlaps.iou < 1)),
        regions_added=_count((sources == 0) & (new_px >= _SPECK_PX), skip=1),
        regions_deleted=_count((parts == 0) & (old_px >= _SPECK_PX), skip=1),
        pixels_changed=before.size - overlaps.background_px - int(overlaps.shared[overlaps.mutual].sum()),
        voi_split=voi_split,
        voi_merge=voi_merge,
    )


def _count(which: NDArray[np.bool_], *, skip: int = 0) -> int:
    """Count what holds, leaving out the first `skip`: the background."""
    return int(np.count_nonzero(which[skip:]))


def _voi(before: NDArray[Any], after: NDArray[Any]) -> tuple[float, float]:
    if not np.any(after):
        return 0.0, 0.0
    measured = agreement(objects_of_section(before), objects_of_section(after), dice=1.0)
    return measured.voi_split, measured.voi_merge
