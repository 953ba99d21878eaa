"""Objects as painted regions, Label Studio's brush or bitmask, and back; the outline is then exact."""

import base64
import binascii
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from annotation.boundaries import pieces_of
from annotation.contours import EXACT, contours_of
from annotation.correction import PreAnnotation
from annotation.drawn import brush_value, drawn, misplaced
from annotation.marks import OPAQUE, code_faults, decoded
from annotation.project import CONTOURS, OBJECT
from annotation.regions import Region

_PNG = "data:image/png;base64,"
_KINDS = ("brushlabels", "bitmasklabels")


def brush_region(name: str, mask: NDArray[np.bool_]) -> dict[str, object]:
    """Give a painted object as the browser's brush would have made it."""
    return drawn(name, "brushlabels", control=CONTOURS, value=brush_value(mask, OBJECT), shape=mask.shape)


def bitmask_region(name: str, mask: NDArray[np.bool_]) -> dict[str, object]:
    """Give a painted object as the browser's bitmask tool would have made it: black on transparent."""
    pixels = np.zeros((*mask.shape, 2), np.uint8)
    pixels[mask, 1] = 255
    stream = io.BytesIO()
    Image.fromarray(pixels, "LA").save(stream, "png")
    value = {"imageDataURL": _PNG + base64.b64encode(stream.getvalue()).decode(), "bitmasklabels": [OBJECT]}
    return drawn(name, "bitmasklabels", control=CONTOURS, value=value, shape=mask.shape)


def parse_painted(result: object, before: PreAnnotation) -> tuple[list[Region], list[tuple[str, str]], object]:
    """Take the painted objects out of an annotation's result.

    Parameters
    ----------
    result : object
        What the server holds; anything at all.
    before : PreAnnotation
        An object that comes back with the very pixels that it was published with has its published outline.

    Returns
    -------
    regions : list of Region
        Their exact outlines; pieces of one painted region are joined by bridges of no width.
    faults : list of (region id, reason)
    rest : object
        The result without them.
    """
    if not isinstance(result, list) or not any(_is_painted(item) for item in result):
        return [], [], result
    pieces = pieces_of(before.labels)
    ours = {name: number for number, name in enumerate(before.region_ids)}
    regions: list[Region] = []
    faults: list[tuple[str, str]] = []
    seen: set[str] = set()
    for item in filter(_is_painted, result):
        name = str(item.get("id", ""))
        mask = _mask(item, (pieces.shape[0], pieces.shape[1]))
        reasons = [mask] if isinstance(mask, str) else []
        reasons += [
            *misplaced(item),
            *_mislabelled(item),
            *(["a second region has the same id"] if name in seen else []),
        ]
        seen.add(name)
        faults += [(name, reason) for reason in reasons]
        if reasons or isinstance(mask, str):
            continue
        number = ours.get(name)
        if number is not None and np.array_equal(mask, pieces == number + 1):
            regions.append(Region(name, before.contours[number].points))
        else:
            outlines = [contour.points for contour in contours_of(mask.astype(np.uint32), EXACT)]
            regions.append(Region(name, np.concatenate([_closed_to(outlines[0], outline) for outline in outlines])))
    return regions, faults, [item for item in result if not _is_painted(item)]


def _closed_to(first: NDArray[np.float64], outline: NDArray[np.float64]) -> NDArray[np.float64]:
    """Walk an outline round and back to the first one's beginning."""
    return np.concatenate([outline, outline[:1], first[:1]])


def _is_painted(item: object) -> bool:
    return isinstance(item, dict) and item.get("type") in _KINDS and item.get("from_name") == CONTOURS


def _mislabelled(item: dict[str, Any]) -> Iterator[str]:
    value = item.get("value")
    if isinstance(value, dict) and value.get(item["type"]) != [OBJECT]:
        yield f"its labels are {value.get(item['type'])!r}, not [{OBJECT!r}]"


def _mask(item: dict[str, Any], shape: tuple[int, int]) -> NDArray[np.bool_] | str:
    """Read the pixels of a painted region, or say why they cannot be read."""
    value = item.get("value")
    if not isinstance(value, dict):
        return "it has no value"
    alpha = _brushed(value.get("rle"), shape) if item["type"] == "brushlabels" else _of_png(value, shape)
    if isinstance(alpha, str):
        return alpha
    return alpha > OPAQUE if (alpha > OPAQUE).any() else "it is empty"


def _brushed(rle: Any, shape: tuple[int, int]) -> NDArray[np.uint8] | str:
    fault = next(code_faults(rle, shape), None)
    if fault is not None:
        return fault
    alpha = decoded(rle, shape)
    return "its stroke cannot be decoded" if alpha is None else alpha


def _of_png(value: dict[str, Any], shape: tuple[int, int]) -> NDArray[np.uint8] | str:
    address = value.get("imageDataURL")
    if not isinstance(address, str) or not address.startswith(_PNG):
        return "its bitmask is not a PNG image in base64"
    try:
        with Image.open(io.BytesIO(base64.b64decode(address[len(_PNG) :], validate=True)), formats=["PNG"]) as image:
            if image.size != (shape[1], shape[0]):  # checked before memory is taken for its pixels
                return f"its bitmask has {image.size[0]} x {image.size[1]} pixels, the section {shape[1]} x {shape[0]}"
            return np.asarray(image.convert("RGBA"))[..., 3]
    except (binascii.Error, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return "its bitmask cannot be decoded"
