"""What the metadata of an OME-Zarr image say: axes, resolutions, voxel sizes."""

from collections.abc import Mapping
from math import prod
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from loop.errors import InputError
from loop.volume_size import voxel_size
from loop.volume_stored import VoxelSize

_FOREIGN = ConfigDict(extra="ignore", frozen=True, populate_by_name=True, use_attribute_docstrings=True)


class _Axis(BaseModel):
    """An axis of the arrays."""

    model_config = _FOREIGN
    name: str
    """One of t, c, z, y, x."""
    unit: str | None = None
    """Unit of the extents along it."""


class _Transformation(BaseModel):
    """From array indices to physical extents."""

    model_config = _FOREIGN
    type: str
    """Only `scale` matters to a voxel's size."""
    scale: tuple[float, ...] | None = None
    """A factor for each axis."""


class _Level(BaseModel):
    """One resolution."""

    model_config = _FOREIGN
    path: str
    """Its array, from the image's group."""
    transformations: tuple[_Transformation, ...] = Field(default=(), alias="coordinateTransformations")
    """Applied to this resolution first."""


class OmeImage(BaseModel):
    """A `multiscales` entry of the OME-NGFF specification, versions 0.1 to 0.5."""

    model_config = _FOREIGN
    axes: tuple[_Axis | str, ...] = ("t", "c", "z", "y", "x")
    """Of every array, in order; versions before 0.3 have these five and do not say so."""
    levels: tuple[_Level, ...] = Field(min_length=1, alias="datasets")
    """The resolutions, finest first."""
    transformations: tuple[_Transformation, ...] = Field(default=(), alias="coordinateTransformations")
    """Applied to every resolution, after its own."""

    @property
    def axis_names(self) -> str:
        """The axes as a word, such as `czyx`."""
        return "".join(axis if isinstance(axis, str) else axis.name for axis in self.axes).lower()

    def voxel_size_nm_zyx(self, level: int, spec: str) -> VoxelSize | None:
        """Give the size of a voxel of a level, None where it or its units are not stated.

        Raises
        ------
        InputError
            If an extent is not positive.
        """
        steps = (*self.levels[level].transformations, *self.transformations)
        scales = [step.scale for step in steps if step.type == "scale" and step.scale is not None]
        if not scales or any(len(scale) != len(self.axes) for scale in scales):
            return None
        extents = [prod(scale[axis] for scale in scales) for axis in range(-3, 0)]
        units = [None if isinstance(axis, str) else axis.unit for axis in self.axes[-3:]]
        return voxel_size(extents, units, spec=spec)


def ome_image(attributes: Mapping[str, Any], spec: str) -> OmeImage | None:
    """Give the image that the attributes of a Zarr group describe, None where they describe none.

    Raises
    ------
    InputError
        If they describe one wrongly, or one whose axes do not end in z, y, x.
    """
    described = attributes.get("ome", attributes)
    multiscales = described.get("multiscales") if isinstance(described, Mapping) else None
    if not multiscales:
        return None
    try:
        image = OmeImage.model_validate(multiscales[0])
    except (ValidationError, KeyError, TypeError) as error:
        raise InputError(
            f"the OME-Zarr metadata of {spec} cannot be understood",
            given=str(error),
            expected="multiscales as OME-NGFF 0.1 to 0.5 has them",
            fix="write the image again with a current OME-Zarr library",
        ) from error
    if not image.axis_names.endswith("zyx"):
        raise InputError(
            f"the axes of {spec} are in another order",
            given=image.axis_names,
            expected="zyx, tczyx or czyx",
            fix="store the image as zyx",
        )
    return image
