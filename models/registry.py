"""Every network by its name, for `--model NAME`."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from loop.errors import InputError
from models.dilated_unet3d import DilatedUNet3d
from models.dlinknet import LinkNet
from models.refiner import Refiner
from models.unet3d import UNet3d, network_preset


@dataclass(frozen=True)
class Architecture:
    """A network that turns images in [0, 1], (batch, 1, z + 2 * context, y, x), into logits, (batch, 1, z, y, x).

    Attributes
    ----------
    summary : str
        One line for the command line's help.
    build : callable
        Gives the network with fresh weights, drawn from torch's global generator.
    context_sections : int
        Sections that the input needs before the first and after the last output section.
    """

    summary: str
    build: Callable[[], nn.Module]
    context_sections: int = 0


ARCHITECTURES: dict[str, Architecture] = {
    "cpu": Architecture(
        "2.5D residual U-Net that trains usefully in minutes on two cores",
        lambda: UNet3d(network_preset("cpu")),
        network_preset("cpu").context_sections,
    ),
    "full": Architecture("residual 3D U-Net, the predecessor's net A", lambda: UNet3d(network_preset("full"))),
    "dilated": Architecture("3D U-Net with dilated branches, the predecessor's net B", DilatedUNet3d),
    "refiner": Architecture(
        "net A with a second network on its features", lambda: Refiner(UNet3d(network_preset("full")))
    ),
    "dlinknet34": Architecture("2D, ResNet34, dilated centre", lambda: LinkNet("resnet34", centre="dilated")),
    "dlinknet50": Architecture("2D, ResNet50, dilated centre", lambda: LinkNet("resnet50", centre="dilated")),
    "dlinknet101": Architecture("2D, ResNet101, dilated centre", lambda: LinkNet("resnet101", centre="dilated")),
    "linknet34": Architecture("2D, ResNet34, no centre", lambda: LinkNet("resnet34", centre="none")),
}


def architecture(name: str) -> Architecture:
    """Give the architecture called `name`.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if name not in ARCHITECTURES:
        raise InputError(
            "no network has this name",
            given=name,
            expected=f"one of {', '.join(ARCHITECTURES)}",
            fix="write one of these after --model",
        )
    return ARCHITECTURES[name]
