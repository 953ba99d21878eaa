"""Masks: from outlines drawn in a few sections to a mask for every section."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import cv2
import edt
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import center_of_mass, shift

from loop.errors import InputError

Mask = NDArray[np.bool_]
Point = NDArray[np.float64]
_Ends = list[tuple[NDArray[np.float32], Point]]


class MaskConfig(BaseModel):
    """What is made of the masks that were drawn; a step that is not set is left out."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    path: Literal["smooth", "linear"] = "smooth"
    """How the centre goes from one drawn section to the next: as a monotone cubic without overshoot, or straight."""
    hull: bool = False
    """Whether each mask is replaced by its convex hull, so that nothing in a fold is lost."""
    simplify_px: float | None = Field(default=None, gt=0)
    """Outlines are simplified by up to so many pixels."""
    margin_px: float | None = Field(default=None, gt=0)
    """Masks grow by so many pixels."""


def masks_between(drawn: Mapping[int, Mask], config: MaskConfig | None = None) -> Iterator[tuple[int, Mask]]:
    """Give a mask for every section from the first drawn one to the last.

    Parameters
    ----------
    drawn : mapping of section to bool array (y, x)
        Masks of some sections, each with a pixel at least, all of one shape.
    config : MaskConfig, optional
        How the masks lie between, and what is made of them.

    Yields
    ------
    section, bool array (y, x)
        In the order of z.

    Raises
    ------
    InputError
        If no mask was drawn, one is empty, or they differ in shape.

    Notes
    -----
    Between two drawn sections the signed distances to the outline, each about the centre of its mask, are blended in
    proportion, and the blend is laid where the centre is there (Raya and Udupa, IEEE TMI 9 (1990), 32). Without the
    centres a mask that moves by more than its width would vanish halfway.
    """
    config = config or MaskConfig()
    _require_usable(drawn)
    sections = sorted(drawn)
    centres = np.array([center_of_mass(drawn[z]) for z in sections])
    before, shape = sections[0], drawn[sections[0]].shape
    for after in sections[1:]:
        ends = [_centred(drawn[z], centres[sections.index(z)]) for z in (before, after)]
        for z in range(before, after):
            centre = _centre(sections, centres, z, config)
            blend = _blended(ends, (z - before) / (after - before), centre, shape)
            yield z, _finished(drawn[z] if z == before else blend, config)
        before = after
    yield before, _finished(drawn[before], config)


def crop_windows(
    boxes_px: NDArray[np.int64], size_px: tuple[int, int], shape: tuple[int, int], *, step_px: int
) -> NDArray[np.int64]:
    """Give a window of one size for every section, which drifts with the mask.

    Parameters
    ----------
    boxes_px : (sections, 4) int64
        Top, left, bottom, right of the mask of each section; the latter two are not included.
    size_px : (height, width)
        Of the windows; as large as the largest box at least.
    shape : (rows, columns)
        Of the sections, which no window leaves.
    step_px : int
        Windows lie at multiples of this where the section allows it, so that they stay where they are for a while.

    Returns
    -------
    (sections, 2) int64
        Top and left of each window; the box of its section lies inside.

    Raises
    ------
    InputError
        If the windows are smaller than a box, or larger than the section.
    """
    extent = boxes_px[:, 2:] - boxes_px[:, :2]
    if (extent.max(axis=0) > size_px).any() or (np.array(size_px) > shape).any():
        raise InputError(
            "the crop window does not fit",
            given=f"{size_px[0]} x {size_px[1]} px",
            expected=f"{' x '.join(map(str, extent.max(axis=0)))} to {' x '.join(map(str, shape))} px, mask to section",
            fix="choose another size",
        )
    corner = boxes_px[:, :2] - (np.array(size_px) - extent) // 2
    corner = np.rint(corner / step_px).astype(np.int64) * step_px
    corner = np.clip(corner, boxes_px[:, 2:] - size_px, boxes_px[:, :2])
    return np.asarray(np.clip(corner, 0, np.array(shape) - size_px), np.int64)


def box_of(mask: Mask) -> tuple[int, int, int, int]:
    """Give top, left, bottom and right of a mask (y, x) that is not empty; the latter two are not included."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


def _signed_distance(mask: Mask) -> NDArray[np.float32]:
    """Give the distance of each pixel to the outline in px, positive inside."""
    outside = edt.edt(~mask, parallel=1) if not mask.all() else np.zeros(mask.shape, np.float32)
    return np.asarray(edt.edt(mask, black_border=True, parallel=1) - outside, np.float32)


def _centred(mask: Mask, centre: Point) -> tuple[NDArray[np.float32], Point]:
    """Give the signed distance in a frame twice the size, and where the mask's centre is, from the frame's middle."""
    rows, columns = mask.shape
    frame = np.zeros((2 * rows, 2 * columns), np.bool_)
    top, left = (np.array(mask.shape) - np.rint(centre).astype(int)).tolist()
    frame[top : top + rows, left : left + columns] = mask
    return _signed_distance(frame), centre - np.rint(centre)


def _blended(ends: _Ends, share: float, centre: Point, shape: tuple[int, ...]) -> Mask:
    """Blend two masks, `share` of the second, and lay the blend at a centre in a section of that shape."""
    (first, first_at), (second, second_at) = ends
    distance = first * np.float32(1 - share) + second * np.float32(share)
    offset = centre - (first_at * (1 - share) + second_at * share)
    moved = shift(distance, offset - np.rint(offset), order=1, mode="nearest")
    top, left = (np.array(shape) - np.rint(offset).astype(int)).tolist()
    return np.asarray(moved[top : top + shape[0], left : left + shape[1]] > 0, np.bool_)


def _centre(sections: list[int], centres: Point, z: int, config: MaskConfig) -> Point:
    if config.path == "smooth":
        return np.asarray(PchipInterpolator(sections, centres)(z))
    return np.array([np.interp(z, sections, axis) for axis in centres.T])


def _finished(mask: Mask, config: MaskConfig) -> Mask:
    """Take hull, simplify and grow, as far as they are set."""
    result = mask
    if config.hull or config.simplify_px:
        outlines, _ = cv2.findContours(result.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        if config.hull:
            outlines = [cv2.convexHull(np.concatenate(outlines))] if outlines else []
        if config.simplify_px:
            outlines = [cv2.approxPolyDP(outline, config.simplify_px, closed=True) for outline in outlines]
        filled = np.zeros(mask.shape, np.uint8)
        result = np.asarray(cv2.fillPoly(filled, list(outlines), 1), np.bool_)
    if config.margin_px and result.any():
        result = np.asarray(edt.edt(~result, parallel=1) <= config.margin_px, np.bool_)
    return result


def _require_usable(drawn: Mapping[int, Mask]) -> None:
    empty = [z for z, mask in sorted(drawn.items()) if not mask.any()]
    shapes: set[Any] = {mask.shape for mask in drawn.values()}
    if empty or len(shapes) != 1:
        raise InputError(
            "masks cannot be interpolated",
            given=f"empty masks in sections {empty}" if empty else f"masks of shapes {sorted(shapes)}",
            expected="one mask or more, none of them empty, all of one shape",
            fix="leave empty sections out; cut or pad the others",
        )
