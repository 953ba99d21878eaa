"""Contours as Label Studio's polygon regions and back, with every fault of what comes back named."""

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from annotation.contours import Contour
from annotation.drawn import drawn, misplaced
from annotation.project import CONTOURS, OBJECT

_OURS = re.compile(r"(?:z\d+-o\d+-p\d+|sure-outlines)(?:-v([0-9a-f]{16}))?")
_DIGITS = 4  # of a percentage: 1e-6 of the image's side, far below what could move a pixel centre across a line


@dataclass(frozen=True)
class Region:
    """A polygon of an annotation.

    Attributes
    ----------
    region_id : str
    points : (n, 2) float64
        Vertices x, y in pixels.
    """

    region_id: str
    points: NDArray[np.float64] = field(compare=False)


@dataclass(frozen=True)
class Fault:
    """Something in an annotation that cannot be used.

    Attributes
    ----------
    task_id, annotation_id : int
    region_id : str
        Empty when the whole annotation is meant.
    reason : str
    what : str
        The region in words that its annotator understands; empty where there are none.
    """

    task_id: int
    annotation_id: int
    region_id: str
    reason: str
    what: str = ""

    @property
    def words(self) -> str:
        """Tell the annotator what is wrong with what."""
        return f"{self.what}: {self.reason}" if self.what else self.reason

    def __str__(self) -> str:
        region = f" region {self.region_id}" if self.region_id else ""
        text = f"task {self.task_id} annotation {self.annotation_id}{region}: {self.words}"
        return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def region_id(z: int, contour: Contour, version: str = "") -> str:
    """Name a contour's region: unique in its task, and it carries the object."""
    return versioned(f"z{z}-o{contour.object_id}-p{contour.piece}", version)


def versioned(name: str, version: str) -> str:
    """Put the version of a pre-annotation, hexadecimal digits or nothing, behind the name of one of its regions."""
    return f"{name}-v{version}" if version else name


def version_of(result: object) -> str:
    """Tell which pre-annotation of a task an answer began with: the one that most of its regions are named by."""
    names = [str(item.get("id", "")) for item in result if isinstance(item, dict)] if isinstance(result, list) else []
    versions = Counter(found[1] or "" for found in map(_OURS.fullmatch, names) if found)
    return max(versions, key=lambda version: versions[version], default="")


def percent(points: NDArray[np.float64], shape: tuple[int, int]) -> list[list[float]]:
    """Give vertices in per cent of width and height, as the server stores them."""
    height, width = shape
    rounded: list[list[float]] = np.round(points * (100 / width, 100 / height), _DIGITS).tolist()
    return rounded


def polygon_region(name: str, points: NDArray[np.float64], shape: tuple[int, int]) -> dict[str, object]:
    """Give one region as the server's API wants it."""
    value = {"points": percent(points, shape), "closed": True, "polygonlabels": [OBJECT]}
    return drawn(name, "polygonlabels", control=CONTOURS, value=value, shape=shape)


def named(result: object) -> tuple[object, list[tuple[str, str]]]:
    """Give every region without a usable id its place in the annotation, #0 and so on, so that faults can name it.

    Returns
    -------
    result : object
        The annotation's regions; what is not a list stays as it is.
    faults : list of (region id, reason)
        The entries that are no regions; they are left out.
    """
    if not isinstance(result, list):
        return result, []
    regions: list[object] = []
    faults: list[tuple[str, str]] = []
    for number, item in enumerate(result):
        if not isinstance(item, dict):
            faults.append((f"#{number}", f"it is {type(item).__name__}, not a region"))
        elif isinstance(item.get("id"), str) and item["id"]:
            regions.append(item)
        else:
            regions.append(item | {"id": f"#{number}"})
    return regions, faults


def parse_regions(result: object, shape: tuple[int, int]) -> tuple[list[Region], list[tuple[str, str]]]:
    """Read an annotation's result.

    Parameters
    ----------
    result : object
        Whatever the server holds; nothing about it is trusted.
    shape : (height, width)

    Returns
    -------
    regions : list of Region
        The usable ones, in their order.
    faults : list of (region id, reason)
        All that is wrong with the others.
    """
    if not isinstance(result, list):
        return [], [("", f"the result is {type(result).__name__}, not a list of regions")]
    regions: list[Region] = []
    faults: list[tuple[str, str]] = []
    seen: set[str] = set()
    for number, item in enumerate(result):
        name = item.get("id") if isinstance(item, dict) else None
        name = name if isinstance(name, str) and name else f"#{number}"
        reasons = list(_faults(item))
        if name in seen:
            reasons.append("a second region has the same id")
        seen.add(name)
        faults += [(name, reason) for reason in reasons]
        if not reasons and isinstance(item, dict):
            points = np.array(item["value"]["points"], np.float64) * (shape[1] / 100, shape[0] / 100)
            regions.append(Region(name, points))
    return regions, faults


def _faults(item: object) -> Iterator[str]:
    if not isinstance(item, dict):
        yield f"it is {type(item).__name__}, not a region"
        return
    if item.get("type") != "polygonlabels":
        yield f"its type is {item.get('type')!r}, not 'polygonlabels'"
        return
    yield from misplaced(item)
    value = item.get("value")
    if not isinstance(value, dict):
        yield "it has no value"
        return
    if value.get("polygonlabels") != [OBJECT]:
        yield f"its labels are {value.get('polygonlabels')!r}, not [{OBJECT!r}]"
    if value.get("closed") is False:
        yield "its outline is not closed"
    points = value.get("points")
    if not isinstance(points, list) or len(points) < 3:
        yield "it has fewer than three points"
    elif not all(_is_point(point) for point in points):
        yield "a point is not a pair of finite numbers within the image"


def _is_point(point: object) -> bool:
    # Label Studio lets a vertex stand a little outside; far away it is an accident, and huge numbers overflow.
    return (
        isinstance(point, list)
        and len(point) == 2
        and all(
            isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) and -100 <= v <= 200
            for v in point
        )
    )
