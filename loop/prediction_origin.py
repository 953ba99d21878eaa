"""What a stored prediction was made from, so that no other model or volume goes on in its place."""

import hashlib
import json
from pathlib import Path
from typing import Any

import h5py
import zarr
from pydantic import BaseModel, ConfigDict, ValidationError

from loop.errors import InputError
from loop.holdout import freeze
from loop.volume import Volume

ATTRIBUTE = "made_from"
"""Of the Zarr group or HDF5 file; in HDF5 as JSON."""


class PredictionOrigin(BaseModel):
    """Everything that decides a prediction's values; places and devices do not."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    checkpoint_sha256: str
    """Hash of the checkpoint's file."""
    volume_sha256: str
    """Hash of the volume's shape and of its first, middle and last section."""
    sections: str
    """The sections that are predicted, start:stop."""
    views: int
    """Mirrored views that are averaged."""
    reach_share: float
    """Share of how far the network looks that was read around blocks and tiles."""
    objects: str
    """How the objects in `labels` were found; empty where there are none."""


def volume_sha256(volume: Volume) -> str:
    """Hash the shape of a volume and its first, middle and last section, wherever it is stored."""
    count = volume.shape[0]
    sections = freeze(volume, sorted({0, count // 2, count - 1}))
    return hashlib.sha256(repr((volume.shape, sections)).encode()).hexdigest()


def require_origin(path: Path, origin: PredictionOrigin) -> None:
    """Refuse a stored prediction at `path` that was made from something else.

    Raises
    ------
    InputError
        Naming every difference; or if `path` is no prediction.
    """
    stored = _stored_origin(path)
    if stored == origin:
        return
    if stored is None:
        given = "something that proofloop segment did not write"
    else:
        before, now = stored.model_dump(), origin.model_dump()
        given = "; ".join(f"{name} {before[name]!r}, now {now[name]!r}" for name in before if before[name] != now[name])
    raise InputError(
        f"{path} is there already and was made from something else",
        given=given,
        expected="the same model, volume and settings, or a name that is free",
        fix="choose another name after -o, or remove what is there",
    )


def _stored_origin(path: Path) -> PredictionOrigin | None:
    try:
        return PredictionOrigin.model_validate(_attribute(path))
    except (OSError, ValueError, LookupError, ValidationError):
        return None


def _attribute(path: Path) -> Any:
    if path.is_dir():
        return zarr.open_group(path, mode="r").attrs[ATTRIBUTE]
    with h5py.File(path, "r") as file:
        return json.loads(file.attrs[ATTRIBUTE])
