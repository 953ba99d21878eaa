"""The store of predicted sections: Zarr, one chunk a section, readable while it is being written."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from loop.errors import InputError
from loop.volume import VoxelSize


@dataclass(frozen=True)
class PredictionStore:
    """Membrane probability and its variance for some sections of a volume.

    Arrays: `membrane` uint8 (probability x 255), `variance` float16, both `(z, y, x)`; `predicted` uint8 `(z,)`,
    set to 1 only after a section's values are written, so that a killed prediction resumes where it was.
    """

    path: Path

    @classmethod
    def create(
        cls, path: Path, *, shape: tuple[int, int, int], voxel_size_nm_zyx: VoxelSize | None
    ) -> "PredictionStore":
        """Open the store at `path`, making it first where it does not exist."""
        group = zarr.open_group(path, mode="a")
        if "predicted" not in group:
            chunks = (1, *shape[1:])
            attributes: dict[str, Any] = {"voxel_size_nm_zyx": list(voxel_size_nm_zyx)} if voxel_size_nm_zyx else {}
            for name, dtype in (("membrane", "uint8"), ("variance", "float16")):
                group.create_array(name, shape=shape, dtype=dtype, chunks=chunks, attributes=attributes, overwrite=True)
            group.create_array("predicted", shape=shape[:1], dtype="uint8", chunks=(1,), overwrite=True)
        return cls(path)

    def write(self, start: int, membrane: NDArray[Any], variance: NDArray[Any]) -> None:
        """Store sections from `start` on: probability and variance, float `(z, y, x)`."""
        group: Any = zarr.open_group(self.path, mode="r+")
        stop = start + len(membrane)
        group["membrane"][start:stop] = np.rint(np.clip(membrane, 0, 1) * 255).astype(np.uint8)
        group["variance"][start:stop] = variance.astype(np.float16)
        group["predicted"][start:stop] = 1

    def missing(self, sections: list[int]) -> list[int]:
        """Give the sections among `sections` that are not predicted yet."""
        group: Any = zarr.open_group(self.path, mode="r")
        predicted = group["predicted"][:]
        return [z for z in sections if not predicted[z]]

    def membrane(self, z: int) -> NDArray[np.float32]:
        """Read the membrane probability of section `z`: float32 `(y, x)` in [0, 1]."""
        return np.asarray(self._section("membrane", z), dtype=np.float32) / np.float32(255)

    def variance(self, z: int) -> NDArray[np.float32]:
        """Read the variance of section `z` over the augmented views: float32 `(y, x)`."""
        return np.asarray(self._section("variance", z), dtype=np.float32)

    def _section(self, name: str, z: int) -> NDArray[Any]:
        if self.missing([z]):
            raise InputError(
                f"section {z} is not predicted in {self.path}",
                given=z,
                expected="a predicted section",
                fix="run proofloop predict",
            )
        group: Any = zarr.open_group(self.path, mode="r")
        return np.asarray(group[name][z])
