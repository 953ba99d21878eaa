"""LinkNet and D-LinkNet: section by section, on an encoder that has seen ImageNet."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.blocks3d import kaiming, on_grid
from models.layout_linknet import DILATIONS_PX, GRID, RESNETS, Centre, LinkNetConfig
from models.names import ResnetName, TargetName
from models.readout import OUTPUTS
from models.resnet import ResnetEncoder

_MEAN = (0.485, 0.456, 0.406)
_DEVIATION = (0.229, 0.224, 0.225)
_FINAL_CHANNELS = 32


class LinkNet(nn.Module):
    """A ResNet encoder, a centre, and a decoder with summed skips, on each section by itself.

    Maps images in [0, 1], (batch, 1, z, y, x) of any extents, to what `target` says, (batch, channel, z, y, x).
    Extents that are no multiples of `grid` are padded inside. The grey value goes into all three channels of the
    encoder, normalised as ImageNet; `models.resnet_weights.load_imagenet` fills `encoder`.

    Parameters
    ----------
    encoder : str
        The ResNet.
    centre : str
        `dilated` is D-LinkNet: Zhou, Zhang and Wu, "D-LinkNet: LinkNet with pretrained encoder and dilated
        convolution for high resolution satellite imagery road extraction", 2018. `none` is LinkNet: Chaurasia and
        Culurciello, "LinkNet: exploiting encoder representations for efficient semantic segmentation", 2017.
    target : str
        What it draws.
    """

    grid = GRID
    mean: Tensor
    deviation: Tensor

    def __init__(self, encoder: ResnetName, *, centre: Centre, target: TargetName = "membrane") -> None:
        super().__init__()
        self.config = LinkNetConfig(encoder=encoder, centre=centre, target=target)
        channels = RESNETS[encoder].channels
        self.centre = _DilatedCentre(channels[-1]) if centre == "dilated" else nn.Identity()
        self.decoders = nn.ModuleList(
            _Decoder(channels_in, channels_out)
            for channels_in, channels_out in zip(channels, (channels[0], *channels[:-1]), strict=True)
        )
        self.final = nn.Sequential(
            nn.ConvTranspose2d(channels[0], _FINAL_CHANNELS, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(_FINAL_CHANNELS, _FINAL_CHANNELS, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(_FINAL_CHANNELS, OUTPUTS[target], 3, padding=1),
        )
        kaiming(self)
        self.encoder = ResnetEncoder(encoder)
        self.register_buffer("mean", torch.tensor(_MEAN).reshape(3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(_DEVIATION).reshape(3, 1, 1), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """Draw the target of `image`."""
        return on_grid(self._on_grid, image, self.grid)

    def _on_grid(self, image: Tensor) -> Tensor:
        batch, _, z, y, x = image.shape
        sections = image.transpose(1, 2).reshape(batch * z, 1, y, x)
        skips = self.encoder((sections - self.mean) / self.deviation)
        features = self.centre(skips[-1])
        for level in reversed(range(len(self.decoders))):
            features = self.decoders[level](features)
            if level:
                features = features + skips[level - 1]
        drawn: Tensor = self.final(features)
        return drawn.reshape(batch, z, -1, y, x).transpose(1, 2)


class _DilatedCentre(nn.Module):
    """A chain of (3, 3) convolutions of growing dilation, all of whose results are summed on what came in."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.chain = nn.ModuleList(
            nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation) for dilation in DILATIONS_PX
        )

    def forward(self, features: Tensor) -> Tensor:
        summed = features
        for convolution in self.chain:
            features = functional.relu(convolution(features))
            summed = summed + features
        return summed


class _Decoder(nn.Module):
    """To a quarter of the channels, twice the resolution, then to the channels of the finer stage."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        quarter = channels_in // 4
        self.narrow = nn.Conv2d(channels_in, quarter, 1)
        self.narrow_normalisation = nn.BatchNorm2d(quarter)
        self.enlarge = nn.ConvTranspose2d(quarter, quarter, 3, stride=2, padding=1, output_padding=1)
        self.enlarge_normalisation = nn.BatchNorm2d(quarter)
        self.widen = nn.Conv2d(quarter, channels, 1)
        self.widen_normalisation = nn.BatchNorm2d(channels)

    def forward(self, features: Tensor) -> Tensor:
        features = functional.relu(self.narrow_normalisation(self.narrow(features)))
        features = functional.relu(self.enlarge_normalisation(self.enlarge(features)))
        return functional.relu(self.widen_normalisation(self.widen(features)))
