"""The store of predicted sections: Zarr, one chunk a section, readable while it is being written."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import zarr
from numpy.typing import NDArray

from loop.errors import InputError
from loop.volume import VoxelSize

_DTYPES = {"membrane": "uint8", "variance": "float16", "labels": "uint32"}


@dataclass(frozen=True)
class PredictionStore:
    """What was predicted for some sections of a volume.

    Arrays `(z, y, x)`: `membrane` uint8 (probability x 255); as asked for, `variance` float16 over the mirrored views
    and `labels` uint32, the objects of each section by itself. And `predicted` uint8 `(z,)`, set to 1 only after all
    of a section's values are written, so that a killed prediction resumes where it was.
    """

    path: Path

    @classmethod
    def create(
        cls,
        path: Path,
        *,
        shape: tuple[int, int, int],
        voxel_size_nm_zyx: VoxelSize | None,
        arrays: Sequence[str] = ("membrane", "variance"),
    ) -> "PredictionStore":
        """Open the store at `path`, making it first where it does not exist, with `arrays` of those named above."""
        group = zarr.open_group(path, mode="a")
        if "predicted" not in group:
            chunks = (1, *shape[1:])
            attributes: dict[str, Any] = {"voxel_size_nm_zyx": list(voxel_size_nm_zyx)} if voxel_size_nm_zyx else {}
            for name in arrays:
                group.create_array(
                    name, shape=shape, dtype=_DTYPES[name], chunks=chunks, attributes=attributes, overwrite=True
                )
            # one chunk: Zarr replaces its file as a whole, and tens of thousands of sections are looked up at once
            group.create_array("predicted", shape=shape[:1], dtype="uint8", chunks=shape[:1], overwrite=True)
        return cls(path)

    @property
    def arrays(self) -> list[str]:
        """The names of the `(z, y, x)` arrays that it has."""
        return [name for name in _DTYPES if name in self._group("r")]

    def write(
        self, start: int, membrane: NDArray[Any], variance: NDArray[Any], labels: NDArray[Any] | None = None
    ) -> None:
        """Store sections from `start` on, each `(z, y, x)`, and note that they are there; as `put`."""
        self.put(start, membrane, variance, labels)
        self.note(range(start, start + len(membrane)))

    def put(
        self, start: int, membrane: NDArray[Any], variance: NDArray[Any], labels: NDArray[Any] | None = None
    ) -> None:
        """Store sections from `start` on, each `(z, y, x)`: those of these arrays that the store has.

        Any number of processes may do this at once with sections of their own, while one of them calls `note`.

        Parameters
        ----------
        start : int
            First section.
        membrane, variance : ndarray of float
            Probability, clipped to [0, 1], and its variance.
        labels : ndarray of unsigned int, optional
            Objects of each section.
        """
        group, sections = self._group("r+"), slice(start, start + len(membrane))
        group["membrane"][sections] = quantised(membrane)
        if "variance" in group:
            group["variance"][sections] = variance.astype(np.float16)
        if labels is not None:
            group["labels"][sections] = labels

    def note(self, sections: range) -> None:
        """Note that a stretch of sections is predicted; one process at a time may."""
        self._group("r+")["predicted"][sections.start : sections.stop] = 1

    @property
    def precision(self) -> str | None:
        """The number format in which its sections are predicted, once that was chosen."""
        found: str | None = self._group("r").attrs.get("precision")
        return found

    def keep_precision(self, precision: str) -> None:
        """Note the number format that was chosen, for those who go on."""
        self._group("r+").attrs["precision"] = precision

    def missing(self, sections: Sequence[int]) -> list[int]:
        """Give the sections among `sections` that are not predicted yet."""
        predicted = self._group("r")["predicted"][:]
        return [z for z in sections if not predicted[z]]

    def membrane(self, z: int) -> NDArray[np.float32]:
        """Read the membrane probability of section `z`: float32 `(y, x)` in [0, 1]."""
        return np.asarray(self._section("membrane", z), dtype=np.float32) / np.float32(255)

    def variance(self, z: int) -> NDArray[np.float32]:
        """Read the variance of section `z` over the augmented views: float32 `(y, x)`."""
        return np.asarray(self._section("variance", z), dtype=np.float32)

    def labels(self, z: int) -> NDArray[np.uint32]:
        """Read the objects of section `z`: uint32 `(y, x)`."""
        return np.asarray(self._section("labels", z), dtype=np.uint32)

    def _section(self, name: str, z: int) -> NDArray[Any]:
        if not self._arrays["predicted"][z]:
            raise InputError(
                f"section {z} is not predicted in {self.path}",
                given=z,
                expected="a predicted section",
                fix="run proofloop predict",
            )
        return np.asarray(self._arrays[name][z])

    @cached_property
    def _arrays(self) -> dict[str, Any]:
        """Its arrays, opened once to read from them; what others write meanwhile is seen."""
        return dict(self._group("r").arrays())

    def __getstate__(self) -> dict[str, Any]:
        """Travel to other processes as a path."""
        return {"path": self.path}

    def _group(self, mode: Literal["r", "r+"]) -> Any:
        return zarr.open_group(self.path, mode=mode)


def quantised(membrane: NDArray[Any]) -> NDArray[np.uint8]:
    """Give a probability as it is stored: uint8, 255 = 1."""
    return np.asarray(np.rint(np.clip(membrane, 0, 1) * 255), dtype=np.uint8)
