"""ResNet encoders for sections, under torchvision's names so that its published weights fit."""

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from models.layout_linknet import RESNETS
from models.names import ResnetName


class ResnetEncoder(nn.Module):
    """A ResNet without its classifier.

    Maps (batch, 3, y, x), y and x multiples of 32, normalised as ImageNet, to the results of its four stages, at a
    quarter, an eighth, a sixteenth and a thirty-second of the resolution.

    Notes
    -----
    He, Zhang, Ren and Sun, "Deep residual learning for image recognition", 2016; of a bottleneck the (3, 3)
    convolution has the stride, as in the published weights. Attributes are named by the keys of their state dict.
    """

    def __init__(self, name: ResnetName) -> None:
        super().__init__()
        layout = RESNETS[name]
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        entries = (64, *layout.channels[:-1])
        stages = [
            _stage(entries[stage], 64 * 2**stage, blocks, stride=1 if stage == 0 else 2, expansion=layout.expansion)
            for stage, blocks in enumerate(layout.blocks)
        ]
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, image: Tensor) -> Sequence[Tensor]:
        """Give the features of the four stages, finest first."""
        features = functional.relu(self.bn1(self.conv1(image)))
        features = functional.max_pool2d(features, 3, stride=2, padding=1)
        results = []
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            features = stage(features)
            results.append(features)
        return results


def _stage(channels_in: int, width: int, blocks: int, *, stride: int, expansion: Literal[1, 4]) -> nn.Sequential:
    block = _Basic if expansion == 1 else _Bottleneck
    first = block(channels_in, width, stride=stride)
    return nn.Sequential(first, *(block(width * expansion, width, stride=1) for _ in range(blocks - 1)))


class _Basic(nn.Module):
    """Two (3, 3) convolutions on a residual."""

    def __init__(self, channels_in: int, width: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, width, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _shortcut(channels_in, width, stride)

    def forward(self, features: Tensor) -> Tensor:
        inner = functional.relu(self.bn1(self.conv1(features)))
        return functional.relu(self.bn2(self.conv2(inner)) + self.downsample(features))


class _Bottleneck(nn.Module):
    """A (3, 3) convolution between two of (1, 1), the last four times as wide, on a residual."""

    def __init__(self, channels_in: int, width: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.downsample = _shortcut(channels_in, 4 * width, stride)

    def forward(self, features: Tensor) -> Tensor:
        inner = functional.relu(self.bn1(self.conv1(features)))
        inner = functional.relu(self.bn2(self.conv2(inner)))
        return functional.relu(self.bn3(self.conv3(inner)) + self.downsample(features))


def _shortcut(channels_in: int, channels: int, stride: int) -> nn.Module:
    if stride == 1 and channels_in == channels:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(channels_in, channels, 1, stride=stride, bias=False), nn.BatchNorm2d(channels))
