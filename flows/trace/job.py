"""What a trace works on: volumes, sections, settings."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from flows.anchors import anchors_of
from flows.blocks import blocks_of
from flows.config import TracingConfig
from loop.errors import InputError
from loop.section_range import parse_stretch
from loop.volume import Volume, VoxelSize, open_image, open_volume, require_equal_shape
from tracing.tracking_anchors import Anchor


class TraceInputs(BaseModel):
    """What is traced."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    image: str
    """`path[:dataset]` of the EM image: uint8, zyx."""
    membrane: str
    """`path[:dataset]` of its membrane probability: float, or uint8 with 255 = membrane."""
    mask: str | None = None
    """`path[:dataset]`, zyx; axons are traced where it is not 0."""
    anchors: Path | None = None
    """CSV with header z,y,x,track, or key points exported from Label Studio: points known to lie in one axon; they are
    seeds too."""
    sections: str = ""
    """`start:stop`; all by default. The others stay 0."""
    voxel_size_nm_zyx: VoxelSize | None = None
    """In place of what the image says."""

    def absolute(self) -> Self:
        """Name the same files from wherever a worker runs."""
        names = ("image", "membrane", "mask", "anchors")
        given = {name: getattr(self, name) for name in names if getattr(self, name)}
        return self.model_copy(update={name: type(path)(Path(path).absolute()) for name, path in given.items()})


@dataclass(frozen=True)
class TraceSettings:
    """How it is traced."""

    tracing: TracingConfig
    cache: Path
    """Where registrations are kept."""
    block_sections: int | None = None
    """Sections of a block; None is some seconds' work. What comes out does not depend on it."""

    def absolute(self) -> Self:
        """Name the same folder from wherever a worker runs."""
        return replace(self, cache=self.cache.absolute())


@dataclass(frozen=True)
class TraceJob:
    """Opened volumes and settings of a trace."""

    image: Volume
    membrane: Volume
    mask: Volume | None
    anchors: list[Anchor]
    sections: tuple[int, ...]
    size: VoxelSize
    settings: TraceSettings

    @classmethod
    def open(cls, inputs: TraceInputs, settings: TraceSettings) -> "TraceJob":
        """Open what is traced and refuse what cannot be."""
        image, membrane = open_image(inputs.image), open_volume(inputs.membrane, dataset="membrane")
        mask = open_volume(inputs.mask, dataset="mask") if inputs.mask else None
        for other in (membrane, *([mask] if mask else [])):
            require_equal_shape(image, other)
        sections = tuple(range(*parse_stretch(inputs.sections, name="sections", n_sections=image.shape[0])))
        size = inputs.voxel_size_nm_zyx or image.voxel_size_nm_zyx or membrane.voxel_size_nm_zyx
        if size is None:
            raise InputError(
                "nobody says how large a voxel is",
                given=image.spec,
                expected="an attribute voxel_size_nm_zyx, or the option",
                fix="write for instance --voxel-size 30,12,12",
            )
        anchors = anchors_of(inputs.anchors, image.shape) if inputs.anchors else []
        return cls(image, membrane, mask, anchors, sections, size, settings)

    @property
    def pixel_nm(self) -> float:
        """Size of a pixel within a section."""
        return float(np.sqrt(self.size[1] * self.size[2]))

    def blocks(self) -> list[range]:
        """Cut the sections into blocks."""
        return blocks_of(range(self.sections[0], self.sections[-1] + 1), self.image.shape, self.settings.block_sections)

    def mask_of(self, z: int) -> NDArray[np.bool_] | None:
        """Give the mask `(y, x)` of section `z`; None is everywhere."""
        return None if self.mask is None else np.asarray(self.mask.section(z) != 0, np.bool_)

    def masked(self, objects: NDArray[Any], z: int) -> NDArray[Any]:
        """Take out of section `z` what lies outside of the mask."""
        mask = self.mask_of(z)
        return objects if mask is None else np.where(mask, objects, 0).astype(objects.dtype)
