"""Hold-out sections as pictures: EM, truth, predicted membrane and segmentation in matching colours."""

import base64
import colorsys
import io
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from flows.summary import SectionPanel

MOST_PX = 768
"""Of a picture's side."""
COLOUR_SHARE = 0.5
SHADES = (0.72, 0.95, 0.5, 0.84, 0.6)
"""Values of the successive fragments of one true object."""


def panel_pictures(panel: SectionPanel) -> list[tuple[str, str]]:
    """Give (caption, data URI) of the four pictures of a section, left to right; of a large one every n-th pixel."""
    step = -(-max(panel.image.shape) // MOST_PX)
    panel = replace(
        panel,
        **{name: getattr(panel, name)[::step, ::step] for name in ("image", "truth", "membrane", "segmentation")},
    )
    grey = np.repeat(panel.image[..., np.newaxis], 3, axis=2)
    true_colours, found_colours = matching_colours(panel.truth, panel.segmentation)
    membrane = np.rint(255 * (1 - np.clip(panel.membrane, 0, 1))).astype(np.uint8)
    return [
        ("EM", png_uri(grey)),
        ("Truth", png_uri(_tinted(grey, panel.truth, true_colours))),
        ("Predicted membrane, black is certain", png_uri(membrane)),
        (f"Segmentation, VOI {panel.voi:.2f} bits", png_uri(_tinted(grey, panel.segmentation, found_colours))),
    ]


def matching_colours(
    truth: NDArray[Any], segmentation: NDArray[Any]
) -> tuple[dict[int, tuple[float, float, float]], dict[int, tuple[float, float, float]]]:
    """Colour the objects of two labelled sections (y, x) so that one colour means one true object.

    A segment takes the hue of the true object that it covers most. The largest such segment takes the very colour,
    further ones other shades of it: shades show splits, and a true object whose colour is missing was merged.

    Returns
    -------
    tuple of dict
        RGB in [0, 1] by id, of the truth and of the segmentation; 0 has no colour, nor has a segment that covers
        no true object.
    """
    true_ids = np.unique(truth[truth > 0])
    hues = {int(i): (rank * 0.61803398875) % 1.0 for rank, i in enumerate(true_ids)}
    true_colours = {i: _colour(hue, SHADES[0]) for i, hue in hues.items()}
    both = (truth > 0) & (segmentation > 0)
    pairs, overlap = np.unique(np.stack([segmentation[both], truth[both]]), axis=1, return_counts=True)
    owner: dict[int, int] = {}
    fragments: dict[int, int] = {}
    found_colours = {}
    for k in np.argsort(-overlap, kind="stable"):
        segment, true = int(pairs[0, k]), int(pairs[1, k])
        if segment not in owner:
            owner[segment] = true
            shade = SHADES[fragments.get(true, 0) % len(SHADES)]
            fragments[true] = fragments.get(true, 0) + 1
            found_colours[segment] = _colour(hues[true], shade)
    return true_colours, found_colours


def png_uri(pixels: NDArray[np.uint8]) -> str:
    """Encode a picture (y, x) or (y, x, 3) so that it can stand inside the page."""
    stream = io.BytesIO()
    # of these pictures level 3 makes files as small as level 9 does, in a sixth of the time
    Image.fromarray(pixels).save(stream, format="PNG", compress_level=3)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def _colour(hue: float, value: float) -> tuple[float, float, float]:
    return colorsys.hsv_to_rgb(hue, 0.85, value)


def _tinted(
    grey: NDArray[np.uint8], labels: NDArray[Any], colours: dict[int, tuple[float, float, float]]
) -> NDArray[np.uint8]:
    """Lay colours over the EM and draw the edges of the objects."""
    ids, index = np.unique(labels, return_inverse=True)
    table = np.array([colours.get(int(i), (0.5, 0.5, 0.5)) for i in ids])
    colour = 255 * table[index.reshape(labels.shape)]
    inside = (labels > 0)[..., np.newaxis]
    blended = np.where(inside, (1 - COLOUR_SHARE) * grey + COLOUR_SHARE * colour, 0.55 * grey)
    edge = ndimage.grey_dilation(labels, size=(2, 2)) != ndimage.grey_erosion(labels, size=(2, 2))
    blended[edge & (labels > 0)] *= 0.45
    tinted: NDArray[np.uint8] = np.clip(np.rint(blended), 0, 255).astype(np.uint8)
    return tinted
