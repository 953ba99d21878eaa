"""Networks made ready to predict: the same function in fewer passes over memory.

Batch normalisation is worked into the convolution before it (Markus, "Fusing batch normalization and convolution in
runtime", 2018). On a processor oneDNN then adds bias, residual and ReLU while it writes a convolution's result.
"""

import copy
from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from models.blocks3d import Convolution3d
from models.registry import Network
from models.unet3d import Block, Up


def fused(network: Network) -> Network:
    """Copy a network in evaluation mode, with its blocks fused. The copy takes no gradients."""
    faster = copy.deepcopy(network).requires_grad_(requires_grad=False)
    for parent, name, module in list(_children(faster)):
        match module:
            case Block():
                parent.add_module(name, _FusedBlock(module))
            case Up():
                parent.add_module(name, _FusedUp(module))
            case Convolution3d():
                module.convolution = _without_normalisation(module.convolution, module.normalisation)
                module.add_module("normalisation", nn.Identity())
    return faster


def _children(network: nn.Module) -> Iterator[tuple[nn.Module, str, nn.Module]]:
    for parent in network.modules():
        for name, module in parent.named_children():
            yield parent, name, module


class _FusedBlock(nn.Module):
    """A `Block` in three passes over memory."""

    def __init__(self, block: Block) -> None:
        super().__init__()
        self.entry = _without_normalisation(block.entry.convolution, block.entry.normalisation)
        self.inner = _without_normalisation(block.inner.convolution, block.inner.normalisation)
        self.outer = _without_normalisation(block.outer, block.normalisation)

    def forward(self, features: Tensor) -> Tensor:
        features = _convolved(features, self.entry)
        return _added(features, _convolved(features, self.inner), self.outer, activation="relu")


class _FusedUp(nn.Module):
    """An `Up` that adds to the finer features in place."""

    def __init__(self, up: Up) -> None:
        super().__init__()
        self.factor, self.convolution = up.factor, up.convolution

    def forward(self, features: Tensor, finer: Tensor) -> Tensor:
        return _added(finer, _upsampled(features, self.factor), self.convolution, activation=None)


def _without_normalisation(convolution: nn.Conv3d, normalisation: nn.BatchNorm3d) -> nn.Conv3d:
    return fuse_conv_bn_eval(convolution, normalisation)


def _convolved(features: Tensor, convolution: nn.Conv3d) -> Tensor:
    """Convolve, then ReLU."""
    if not _by_onednn(features):
        return functional.relu_(convolution(features))
    result: Tensor = torch.ops.mkldnn._convolution_pointwise(features, *_arguments(convolution), "relu", [], "")
    return result


def _added(target: Tensor, features: Tensor, convolution: nn.Conv3d, *, activation: Literal["relu"] | None) -> Tensor:
    """Add the convolved features to `target`, in place."""
    if not _by_onednn(features):
        target.add_(convolution(features))
        return functional.relu_(target) if activation else target
    result: Tensor = torch.ops.mkldnn._convolution_pointwise_.binary(
        target, features, *_arguments(convolution), "add", 1.0, activation, [], ""
    )
    return result


def _arguments(convolution: nn.Conv3d) -> tuple[object, ...]:
    padding, stride, dilation = convolution.padding, convolution.stride, convolution.dilation
    return convolution.weight, convolution.bias, padding, stride, dilation, convolution.groups


def _by_onednn(features: Tensor) -> bool:
    if features.device.type != "cpu" or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    known: bool = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return features.dtype == torch.float32 or known


def _upsampled(features: Tensor, factor: tuple[float, ...]) -> Tensor:
    if factor[0] > 1 or len(features) > 1:
        return functional.interpolate(features, scale_factor=factor, mode="trilinear", align_corners=False)
    # the sections as a batch, which is a view and takes half the time
    sections = features[0].transpose(0, 1)
    finer = functional.interpolate(sections, scale_factor=factor[1:], mode="bilinear", align_corners=False)
    return finer.transpose(0, 1)[None]
