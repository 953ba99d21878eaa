"""The refiner: a second, small network on what net A found, to mend its membrane."""

import copy

from torch import Tensor, nn

from models.blocks3d import ResidualBlock3d, kaiming, on_grid
from models.layout_refiner import CHANNELS, RefinerConfig
from models.layout_unet3d import Zyx
from models.readout import OUTPUTS
from models.unet3d import UNet3d

_KERNEL: Zyx = (3, 3, 3)


class Refiner(nn.Module):
    """Residual blocks of 32, 64 and 64 channels on the finest features of a U-Net, then a (1, 3, 3) convolution.

    Maps images in [0, 1], (batch, 1, z, y, x) of any extents, to what `config.target` says, (batch, channel, z, y, x).
    Extents that are no multiples of `grid` are padded inside.

    Parameters
    ----------
    network : UNet3d
        Net A, trained or not, that sees one section an output section and does not fold pixels. It is copied; the
        copy loses its last convolution and is trained along, unless its weights are frozen.

    Raises
    ------
    ValueError
        If the network folds pixels or joins sections in its stem.

    Notes
    -----
    Before it the predecessor's description says only "blocks [32, 64, 64]"; they are residual blocks of (3, 3, 3) at
    full resolution here.
    """

    def __init__(self, network: UNet3d) -> None:
        super().__init__()
        if network.config.fold != 1 or network.config.stem_sections != 1:
            raise ValueError("the refiner needs features at full resolution: fold = 1 and stem_sections = 1")
        self.config = RefinerConfig(embedding=network.config)
        self.grid = network.config.grid
        entries = (network.config.channels[0], *CHANNELS[:-1])
        self.blocks = nn.Sequential(
            *(
                ResidualBlock3d(channels_in, channels, _KERNEL, activation=nn.ReLU())
                for channels_in, channels in zip(entries, CHANNELS, strict=True)
            )
        )
        self.head = nn.Conv3d(CHANNELS[-1], OUTPUTS[network.config.target], (1, 3, 3), padding=(0, 1, 1))
        kaiming(self)
        self.embedding = copy.deepcopy(network)
        self.embedding.add_module("head", nn.Identity())

    def forward(self, image: Tensor) -> Tensor:
        """Draw the target of `image`."""
        return on_grid(lambda padded: self.head(self.blocks(self.embedding(padded))), image, self.grid)
