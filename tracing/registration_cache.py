"""Registrations kept on disk: found again by the content of both sections and the settings, so never stale."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from loop.atomic import replacing
from loop.labels import section_hash
from tracing.registration import Displacement, RegistrationConfig, register

_METHOD = "4"
"""Raised whenever the method changes, so that what an older one stored is not taken."""


@dataclass(frozen=True)
class Registrar:
    """Registers EM sections of one volume, each pair once.

    Attributes
    ----------
    pixel_nm : float
        Size of a pixel within the section.
    config : RegistrationConfig
        Settings.
    folder : Path or None
        Where registrations are kept; None keeps none.
    """

    pixel_nm: float
    config: RegistrationConfig
    folder: Path | None = None

    def register(self, fixed: NDArray[Any], moving: NDArray[Any]) -> Displacement:
        """Lay section `moving` (y, x) on `fixed`, or read how it lay the last time."""
        if self.folder is None:
            return register(fixed, moving, pixel_nm=self.pixel_nm, config=self.config)
        path = self.folder / f"{self._key(fixed, moving)}.npz"
        stored = _read(path)
        if stored is None:
            stored = register(fixed, moving, pixel_nm=self.pixel_nm, config=self.config)
            with replacing(path) as temporary, temporary.open("wb") as stream:
                np.savez_compressed(
                    stream, coarse=stored.coarse, shape=np.array(stored.shape), similarity=stored.similarity
                )
        return stored

    def _key(self, fixed: NDArray[Any], moving: NDArray[Any]) -> str:
        settings = f"{_METHOD} {self.pixel_nm} {self.config.model_dump_json()}"
        return hashlib.sha256(f"{settings} {section_hash(fixed)} {section_hash(moving)}".encode()).hexdigest()[:32]


def _read(path: Path) -> Displacement | None:
    """Read a stored registration; a damaged file counts as absent, since it can be made again."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            rows, columns = (int(n) for n in stored["shape"])
            return Displacement(stored["coarse"], (rows, columns), float(stored["similarity"]))
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None
