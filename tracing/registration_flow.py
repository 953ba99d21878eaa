"""Local displacement between two pictures by dense inverse search, and how well they agree after it."""

import cv2
import numpy as np
from numpy.typing import NDArray

from tracing.registration_picture import Picture, Plane, blurred

Flow = NDArray[np.float32]
"""(2, y, x): pixel p of the fixed picture is seen at p + flow[:, p] in the moving one."""

_SMOOTHING_PX = 3.0
_SEEN = 0.9
_LEAST_COMMON = 0.15
_GREY_PER_DEVIATION = 40.0
_SMALLEST_PX = 32
"""The search's coarsest level needs patches of 8 pixels to fit; smaller pictures are padded."""


def with_residual_flow(fixed: Picture, moving: Picture, flow: Flow) -> Flow:
    """Improve `flow` by what is left of displacement after it.

    Dense inverse search (Kroeger et al. 2016, Fast optical flow using dense inverse search, ECCV), coarse to fine,
    on the moving picture warped by `flow`; the rest is smoothed over `_SMOOTHING_PX` where both show tissue.
    """
    warped = sampled(moving.grey, flow)
    both = (sampled(moving.valid, flow) > _SEEN) & (fixed.valid > _SEEN)
    rest = _search(np.where(both, fixed.grey, 0), np.where(both, warped, 0))
    seen = both.astype(np.float32)
    weight = blurred(seen, _SMOOTHING_PX) + np.float32(1e-3)
    return composed(flow, np.stack([blurred(part * seen, _SMOOTHING_PX) / weight for part in rest]))


def similarity(fixed: Picture, moving: Picture, flow: Flow) -> float:
    """Correlation of the tissue that both show after the flow, -1 to 1; -1 where that is too little to tell."""
    both = (sampled(moving.valid, flow) > _SEEN) & (fixed.valid > _SEEN)
    if both.mean() < _LEAST_COMMON:
        return -1.0
    a, b = fixed.grey[both], sampled(moving.grey, flow)[both]
    a, b = a - a.mean(), b - b.mean()
    return float(np.sum(a * b) / np.sqrt(np.sum(a * a) * np.sum(b * b) + 1e-6))


def constant_flow(shape: tuple[int, ...], shift: tuple[float, float]) -> Flow:
    """Give the flow that displaces every pixel of `shape` (y, x) by `shift` (y, x)."""
    return np.asarray(np.broadcast_to(np.array(shift, np.float32)[:, None, None], (2, *shape)), np.float32).copy()


def composed(first: Flow, then: Flow) -> Flow:
    """Give the flow that goes along `then` and on from there along `first`."""
    return np.stack([step + sampled(part, then, outside="nearest") for part, step in zip(first, then, strict=True)])


def sampled(plane: Plane, flow: Flow, *, outside: str = "zero") -> Plane:
    """Look up `plane` where the flow leads, linearly between pixels; outside it is 0, or its border's value."""
    rows, columns = (np.arange(n, dtype=np.float32) for n in flow.shape[1:])
    border = cv2.BORDER_CONSTANT if outside == "zero" else cv2.BORDER_REPLICATE
    at_y, at_x = flow[0] + rows[:, None], flow[1] + columns
    return np.asarray(cv2.remap(plane, at_x, at_y, cv2.INTER_LINEAR, borderMode=border), np.float32)


def _search(fixed: Plane, moving: Plane) -> Flow:
    rows, columns = fixed.shape
    padding = (0, max(_SMALLEST_PX - rows, 0), 0, max(_SMALLEST_PX - columns, 0))
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    found = search.calc(_eight_bit(fixed, padding), _eight_bit(moving, padding), np.empty(0, np.float32))
    return np.ascontiguousarray(np.asarray(found, np.float32)[:rows, :columns, ::-1].transpose(2, 0, 1))


def _eight_bit(plane: Plane, padding: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    grey = np.clip(128 + _GREY_PER_DEVIATION * plane, 0, 255).astype(np.uint8)
    return np.asarray(cv2.copyMakeBorder(grey, *padding, cv2.BORDER_REFLECT), np.uint8)
