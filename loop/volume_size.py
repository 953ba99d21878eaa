"""Voxel sizes as files state them, in nanometres."""

from collections.abc import Sequence
from typing import Any

from loop.errors import InputError
from loop.volume_stored import VoxelSize

_NANOMETRES = {
    ("nm", "nanometer", "nanometre"): 1.0,
    # both letters mu, and the escape that ImageJ writes
    ("um", "\N{MICRO SIGN}m", "\N{GREEK SMALL LETTER MU}m", r"\u00b5m"): 1e3,
    ("micron", "microns", "micrometer", "micrometre"): 1e3,
    ("mm", "millimeter", "millimetre"): 1e6,
    ("cm", "centimeter", "centimetre"): 1e7,
    ("m", "meter", "metre"): 1e9,
    ("a", "å", "angstrom", "ångström"): 0.1,
    ("pm", "picometer", "picometre"): 1e-3,
    ("inch", "in"): 2.54e7,
}


def nanometres(unit: str | None) -> float | None:
    """Give the nanometres in one `unit`, None where it is no unit of length, as `pixel` is none."""
    wanted = (unit or "").strip().lower()
    return next((factor for names, factor in _NANOMETRES.items() if wanted in names), None)


def voxel_size(stored: Sequence[float | None], units: Sequence[str | None], *, spec: str) -> VoxelSize | None:
    """Give `(z, y, x)` nm from extents and their units, None where one of them is missing or no length.

    Raises
    ------
    InputError
        If an extent is not positive.
    """
    extents = []
    for value, unit in zip(stored, units, strict=True):
        factor = nanometres(unit)
        if value is None or factor is None:
            return None
        extents.append(float(value) * factor)
    return checked_size(extents, spec)


def checked_size(stored: Any, spec: str) -> VoxelSize:
    """Give a stored `(z, y, x)` nm as a tuple.

    Raises
    ------
    InputError
        If it is not three positive numbers.
    """
    try:
        z, y, x = (float(value) for value in stored)
    except (TypeError, ValueError):
        z = y = x = 0.0
    if not all(0 < value < float("inf") for value in (z, y, x)):
        raise InputError(
            f"{spec} states no usable voxel size",
            given=stored,
            expected="three positive numbers, nm, in the order z, y, x",
            fix="correct voxel_size_nm_zyx or the file's resolution, or remove it",
        )
    return z, y, x
