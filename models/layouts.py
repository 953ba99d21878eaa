"""Every layout of a network, by its name and as it is stored; without torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, get_args

from pydantic import Discriminator, Tag

from loop.errors import InputError
from models.layout_dilated import DilatedConfig
from models.layout_linknet import LinkNetConfig
from models.layout_refiner import RefinerConfig
from models.layout_unet3d import NetworkConfig, network_preset
from models.names import ModelName


def _kind(layout: object) -> str | None:
    # checkpoints and configurations older than the other networks do not name theirs
    if isinstance(layout, Mapping):
        return str(layout.get("architecture", "unet3d"))
    return getattr(layout, "architecture", None)


Layout = Annotated[
    Annotated[NetworkConfig, Tag("unet3d")]
    | Annotated[DilatedConfig, Tag("dilated")]
    | Annotated[RefinerConfig, Tag("refiner")]
    | Annotated[LinkNetConfig, Tag("linknet")],
    Discriminator(_kind),
]
"""What decides the shape of a network; each has `target`, `context_sections`, `grid` and `reach`."""


@dataclass(frozen=True)
class Architecture:
    """A network that can be asked for by name.

    Attributes
    ----------
    summary : str
        One line for the command line's help.
    layout : Layout
        What is built.
    """

    summary: str
    layout: Layout

    @property
    def context_sections(self) -> int:
        """Sections that the input needs before the first and after the last output section."""
        return self.layout.context_sections


ARCHITECTURES: dict[ModelName, Architecture] = {
    "cpu": Architecture("2.5D residual U-Net that trains usefully in minutes on two cores", network_preset("cpu")),
    "full": Architecture("residual 3D U-Net, the predecessor's net A", network_preset("full")),
    "dilated": Architecture("3D U-Net with dilated branches, the predecessor's net B", DilatedConfig()),
    "refiner": Architecture("net A with a second network on its features", RefinerConfig()),
    "dlinknet34": Architecture("2D, ResNet34, dilated centre", LinkNetConfig()),
    "dlinknet50": Architecture("2D, ResNet50, dilated centre", LinkNetConfig(encoder="resnet50")),
    "dlinknet101": Architecture("2D, ResNet101, dilated centre", LinkNetConfig(encoder="resnet101")),
    "linknet34": Architecture("2D, ResNet34, no centre", LinkNetConfig(centre="none")),
}


def architecture(name: str) -> Architecture:
    """Give the architecture called `name`.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    for known in get_args(ModelName):
        if name == known:
            return ARCHITECTURES[known]
    raise InputError(
        "no network has this name",
        given=name,
        expected=f"one of {', '.join(ARCHITECTURES)}",
        fix="write one of these after --model",
    )
