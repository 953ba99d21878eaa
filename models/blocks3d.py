"""The pieces that the volumetric networks share: convolution with normalisation, residual block, upsampling."""

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional

from models.layout_unet3d import Zyx

Activation = Callable[[Tensor], Tensor]


class Convolution3d(nn.Module):
    """Convolution without bias that keeps the shape, batch normalisation, activation."""

    def __init__(
        self, channels_in: int, channels: int, kernel: Zyx, *, activation: Activation, dilation_px: int = 1
    ) -> None:
        super().__init__()
        dilation = (1, dilation_px, dilation_px)
        padding = (kernel[0] // 2, kernel[1] // 2 * dilation_px, kernel[2] // 2 * dilation_px)
        self.activation = activation
        self.convolution = nn.Conv3d(channels_in, channels, kernel, padding=padding, dilation=dilation, bias=False)
        self.normalisation = nn.BatchNorm3d(channels)

    def forward(self, features: Tensor) -> Tensor:
        """Map (batch, channels_in, z, y, x) to (batch, channels, z, y, x)."""
        return self.activation(self.normalisation(self.convolution(features)))


class ResidualBlock3d(nn.Module):
    """A convolution that sets the channels, then a residual unit of two."""

    def __init__(self, channels_in: int, channels: int, kernel: Zyx, *, activation: Activation) -> None:
        super().__init__()
        self.activation = activation
        self.entry = Convolution3d(channels_in, channels, kernel, activation=activation)
        self.inner = Convolution3d(channels, channels, kernel, activation=activation)
        self.outer = Convolution3d(channels, channels, kernel, activation=nn.Identity())

    def forward(self, features: Tensor) -> Tensor:
        """Map (batch, channels_in, z, y, x) to (batch, channels, z, y, x)."""
        features = self.entry(features)
        return self.activation(features + self.outer(self.inner(features)))


def on_grid(network: Callable[[Tensor], Tensor], image: Tensor, grid: tuple[int, int]) -> Tensor:
    """Run `network` on an image of any size.

    Parameters
    ----------
    network : callable
        Keeps the extents of (batch, channels, z, y, x), which must be multiples of `grid`.
    image : Tensor
        Repeated at its far ends up to the next multiples; the result is cut back.
    grid : tuple of int
        (sections, y-x px).
    """
    z, y, x = image.shape[-3:]
    sections, px = grid
    missing = (0, -x % px, 0, -y % px, 0, -z % sections)
    padded = functional.pad(image, missing, mode="replicate") if any(missing) else image
    return network(padded)[..., :z, :y, :x]


def kaiming(network: nn.Module) -> None:
    """Draw the weights of every convolution by Kaiming's rule for ReLU; biases become zero."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Conv3d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
