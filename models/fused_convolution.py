"""Convolutions that do what follows them in the same pass over memory: on a processor by oneDNN's post-operations.

torch reaches those through operators that its own compiler uses; where they are absent, separate passes do the same.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional


def convolved(features: Tensor, convolution: nn.Conv3d) -> Tensor:
    """Convolve (batch, channel, z, y, x), then ReLU."""
    if not by_onednn(features):
        return functional.relu_(convolution(features))
    result: Tensor = torch.ops.mkldnn._convolution_pointwise(features, *_arguments(convolution), "relu", [], "")
    return result


def added(target: Tensor, features: Tensor, convolution: nn.Conv3d, *, activation: Literal["relu"] | None) -> Tensor:
    """Add the convolved features to `target`, in place."""
    if not by_onednn(features):
        target.add_(convolution(features))
        return functional.relu_(target) if activation else target
    result: Tensor = torch.ops.mkldnn._convolution_pointwise_.binary(
        target, features, *_arguments(convolution), "add", 1.0, activation, [], ""
    )
    return result


def _arguments(convolution: nn.Conv3d) -> tuple[object, ...]:
    padding, stride, dilation = convolution.padding, convolution.stride, convolution.dilation
    return convolution.weight, convolution.bias, padding, stride, dilation, convolution.groups


def by_onednn(features: Tensor) -> bool:
    """Tell whether these features are convolved by oneDNN."""
    if features.device.type != "cpu" or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    known: bool = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return features.dtype == torch.float32 or known
