"""Every network by its name, and from its stored layout."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, get_args

import torch
from pydantic import Discriminator, Tag

from loop.errors import InputError
from models.dilated_unet3d import DilatedConfig, DilatedUNet3d
from models.dlinknet import LinkNet, LinkNetConfig
from models.fused_unet3d import FusedUNet3d
from models.names import ModelName
from models.refiner import Refiner, RefinerConfig
from models.unet3d import NetworkConfig, UNet3d, network_preset

Network = UNet3d | FusedUNet3d | DilatedUNet3d | Refiner | LinkNet
"""A network: images in [0, 1], (batch, 1, z + 2 * context, y, x), to its target, (batch, channel, z, y, x)."""


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


def build(layout: Layout) -> Network:
    """Give the network of this layout with fresh weights, drawn from torch's global generator."""
    match layout:
        case NetworkConfig():
            return UNet3d(layout)
        case DilatedConfig():
            return DilatedUNet3d(layout)
        case RefinerConfig():
            return Refiner(UNet3d(layout.embedding))
        case LinkNetConfig():
            return LinkNet(layout.encoder, centre=layout.centre, target=layout.target)


def channels_last(network: Network) -> Network:
    """Lay the weights out in memory as the fast kernels want them, in place."""
    flat = isinstance(network, LinkNet)
    memory_format = torch.channels_last if flat else torch.channels_last_3d
    return network.to(memory_format=memory_format)  # type: ignore[no-any-return, call-overload]  # not in torch's stub


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

    def build(self) -> Network:
        """Give the network with fresh weights, drawn from torch's global generator."""
        return build(self.layout)

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
