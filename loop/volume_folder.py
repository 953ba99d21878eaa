"""Volumes in folders of PNG or TIFF sections, such as VAST exports."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loop.errors import InputError
from loop.volume_choice import refuse_dataset, refuse_leaving
from loop.volume_natural import natural_order
from loop.volume_section_file import SectionFile, open_section_file
from loop.volume_stored import UNREADABLE, Volume, stored_volume

_SUFFIXES = (".png", ".tif", ".tiff")


def open_folder(path: Path, name: str | None, _default: str | None) -> Volume:
    """Open a folder whose PNG or TIFF files are the sections of a volume, in the order of their numbers.

    Only the files' headers are read. Hidden files, other formats and folders inside are passed over. Grey files hold
    values as they are; of R, G and B, which must be equal, one is taken (VAST repeats a label's id in them).

    Raises
    ------
    InputError
        If there is no section, or, all faults in one message: a number is missing or twice, names are of several
        kinds, shapes or types differ, a file is damaged, in a mode that loses values, or lies outside the folder.
    """
    refuse_dataset(path, name)
    files = [file for file in path.iterdir() if file.suffix.lower() in _SUFFIXES and not file.name.startswith(".")]
    if not files:
        raise InputError(
            f"{path} holds no sections",
            given=", ".join(sorted({file.suffix or "folders" for file in path.iterdir()})) or "an empty folder",
            expected="numbered PNG or TIFF files, a Zarr group, or the path of a file",
            fix="check the path, or export the sections as PNG",
        )
    order = natural_order([file.name for file in files])
    sections, faults = _open_sections(path, order.names)
    faults = [*order.faults, *faults, *_odd_ones(sections)]
    if faults:
        raise InputError(
            f"the sections in {path} are no volume",
            given="".join(f"\n    {fault}" for fault in faults),
            expected="whole files of one shape and type, whose names differ in one number without gaps",
            fix="mend the files named above; for a section that was lost, copy its neighbour under the missing number",
        )

    def read(start: int, stop: int) -> NDArray[Any]:
        return np.stack([_voxels(section) for section in sections[start:stop]])

    shape = (len(sections), *sections[0].shape)
    return stored_volume(str(path), read, shape=shape, dtype=sections[0].dtype, size=None)


def _open_sections(folder: Path, names: tuple[str, ...]) -> tuple[list[SectionFile], list[str]]:
    sections, faults = [], []
    for name in names:
        try:
            refuse_leaving(folder, folder / name)
            sections.append(open_section_file(folder / name))
        except InputError as error:
            faults.append(f"{name}: {error.given}; expected {error.expected}")
    return sections, faults


def _voxels(section: SectionFile) -> NDArray[Any]:
    try:
        return section.read()
    except UNREADABLE as error:
        raise InputError(
            f"{section.path} cannot be read",
            given=str(error) or type(error).__name__,
            expected="a whole file, as it was when the folder was opened",
            fix="copy the file again, or put a copy of its neighbour in its place",
        ) from error


def _odd_ones(sections: list[SectionFile]) -> list[str]:
    """Name the sections that are not like most."""
    kinds = Counter((section.shape, section.dtype) for section in sections)
    if len(kinds) < 2:
        return []
    (shape, dtype), most = kinds.most_common(1)[0]
    return [
        f"{section.path.name}: {section.shape} {section.dtype}; expected {shape} {dtype} as {most} others have"
        for section in sections
        if (section.shape, section.dtype) != (shape, dtype)
    ]
