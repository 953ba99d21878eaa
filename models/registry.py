"""Every network from its layout."""

import torch

from models.dilated_unet3d import DilatedUNet3d
from models.dlinknet import LinkNet
from models.fused_unet3d import FusedUNet3d
from models.int8_unet3d import Int8UNet3d
from models.layout_dilated import DilatedConfig
from models.layout_linknet import LinkNetConfig
from models.layout_refiner import RefinerConfig
from models.layout_unet3d import NetworkConfig
from models.layouts import Layout
from models.refiner import Refiner
from models.unet3d import UNet3d

Network = UNet3d | FusedUNet3d | Int8UNet3d | DilatedUNet3d | Refiner | LinkNet
"""A network: images in [0, 1], (batch, 1, z + 2 * context, y, x), to its target, (batch, channel, z, y, x)."""


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
