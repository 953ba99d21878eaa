"""Traced axons as pictures: the longest from three sides, and some followed through their sections."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from flows.report.pictures import png_uri
from flows.summary_tracks import Cut, Strip, TracedAxons

_HEIGHT_PX = 120
_TINT = 0.3


def axons_picture(traced: TracedAxons) -> str:
    """Give the picture of the longest axons as a data URI."""
    return png_uri(traced.picture)


def strip_pictures(strip: Strip) -> list[tuple[int, str]]:
    """Give section and data URI of each cut: the EM with the axon tinted and outlined."""
    return [(cut.z, png_uri(_tinted(cut, strip.colour))) for cut in strip.cuts]


def _tinted(cut: Cut, colour: tuple[int, int, int]) -> NDArray[np.uint8]:
    height, width = cut.image.shape
    size = (round(_HEIGHT_PX * width / height), _HEIGHT_PX)
    grey = np.asarray(Image.fromarray(cut.image).resize(size, Image.Resampling.BILINEAR), np.float64)
    inside = np.asarray(Image.fromarray(cut.inside).resize(size, Image.Resampling.NEAREST), bool)
    shown = np.repeat(grey[..., None], 3, axis=2)
    shown[inside] = (1 - _TINT) * shown[inside] + _TINT * np.array(colour)
    shown[inside & ~ndimage.binary_erosion(inside, iterations=2)] = colour
    return np.rint(shown).astype(np.uint8)
