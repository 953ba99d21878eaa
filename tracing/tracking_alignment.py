"""Which displacement is believed between two sections: the image's, checked by the objects, or the outlines'."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tracing.registration import SURE, register_outlines
from tracing.registration_cache import Registrar
from tracing.registration_flow import Flow
from tracing.registration_objects import Laid, improved_by_objects, laid
from tracing.tracking_objects import SectionObjects

_DOUBTFUL_AGREEMENT = 0.75
"""Mean overlap of best pairs below which the outlines are registered too."""

Source = Literal["image", "none", "outlines"]


@dataclass(frozen=True)
class Alignment:
    """How a section lies on an earlier one.

    Attributes
    ----------
    flow : (2, y, x) float32
        From pixels of the earlier section to where they are seen in the later one.
    similarity : float
        Correlation of the two images after their registration, -1 to 1.
    agreement : float
        Mean overlap of the objects after `flow`, 0 to 1.
    source : str
        What gave the flow: `image`; `none`, where the objects lie better on one another without any; `outlines`.
    """

    flow: Flow
    similarity: float
    agreement: float
    source: Source

    def shift_px(self) -> tuple[float, float]:
        """Give the median displacement along y and x, in pixels."""
        y, x = np.median(self.flow[:, ::8, ::8], axis=(1, 2))
        return float(y), float(x)


def align(fixed: SectionObjects, moving: SectionObjects, registrar: Registrar) -> Alignment:
    """Lay section `moving` on `fixed`.

    The image proposes and the objects decide: where one section is damaged or the two differ too much, registration
    may fail, and then the objects hardly overlap. That is tried against no displacement at all and, if neither will
    do, against a registration of the outlines.

    Parameters
    ----------
    fixed, moving : SectionObjects
        The two sections.
    registrar : Registrar
        Registers the images, or knows already.
    """
    found = registrar.register(fixed.image, moving.image)
    flow = found.dense()
    if not (len(fixed) and len(moving)):
        return Alignment(flow, found.similarity, 0.0, "image")
    tried: dict[Source, Laid] = {"none": laid(fixed, moving, np.zeros_like(flow)), "image": laid(fixed, moving, flow)}
    if found.similarity < SURE and max(one.agreement for one in tried.values()) < _DOUBTFUL_AGREEMENT:
        outlines = register_outlines(fixed.labels, moving.labels, pixel_nm=registrar.pixel_nm, config=registrar.config)
        tried["outlines"] = laid(fixed, moving, outlines.dense())
    source = max(tried, key=lambda name: tried[name].agreement)
    best = improved_by_objects(fixed, moving, tried[source], pixel_nm=registrar.pixel_nm)
    return Alignment(best.flow, found.similarity, best.agreement, source)
