import copy

import pytest
import torch
from torch import Tensor, nn

from models.fused_up import FusedUp
from models.layout_unet3d import Zyx
from models.unet3d import Up

FLAT: tuple[Zyx, Zyx] = ((1, 3, 3), (1, 2, 2))
ALONG_Z: tuple[Zyx, Zyx] = ((3, 3, 3), (2, 2, 2))
"""Kernel and pool of a level."""


def fused(up: Up) -> FusedUp:
    return FusedUp(up.factor, up.convolution)


def drawn(features: Tensor, kernel: Tensor, bias: float = 0.0) -> Tensor:
    """Bring one channel (y, x) up, convolve it by (y, x) and add that to zeros."""
    up = Up(1, 1, *FLAT)
    with torch.no_grad():
        up.convolution.weight.copy_(kernel)
        up.convolution.bias = nn.Parameter(torch.tensor([bias]))
        finer = torch.zeros(1, 1, 1, *(2 * extent for extent in features.shape))
        fused(up)(features[None, None, None], finer)
    return finer[0, 0, 0]


def pair(sizes: tuple[Zyx, Zyx], shape: tuple[int, ...]) -> tuple[Up, Tensor, Tensor]:
    """Give an `Up` to 3 channels with features of `shape` and finer ones."""
    torch.manual_seed(0)
    finer = (shape[0], 3, *(extent * pool for extent, pool in zip(shape[2:], sizes[1], strict=True)))
    return Up(shape[1], 3, *sizes), torch.randn(shape), torch.randn(finer)


def test_a_single_pixel_fills_four_and_is_summed_over_those_that_exist() -> None:
    assert drawn(torch.ones(1, 1), torch.ones(3, 3), bias=0.5).tolist() == [[4.5, 4.5], [4.5, 4.5]]


def test_a_kernel_that_looks_right_moves_the_ramp_left_and_lets_zero_in() -> None:
    right = torch.tensor([[0.0, 0, 0], [0, 0, 1], [0, 0, 0]])
    torch.testing.assert_close(drawn(torch.tensor([[0.0, 4]]), right), torch.tensor([[1.0, 3, 4, 0]]).expand(2, 4))


def test_a_kernel_that_looks_down_moves_the_ramp_up_and_lets_zero_in() -> None:
    down = torch.tensor([[0.0, 0, 0], [0, 0, 0], [0, 1, 0]])
    expected = torch.tensor([[1.0], [3], [4], [0]]).expand(4, 2)
    torch.testing.assert_close(drawn(torch.tensor([[0.0], [4]]), down), expected)


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last_3d])
@pytest.mark.parametrize(
    ("sizes", "shape"),
    [
        (FLAT, (1, 5, 1, 1, 1)),
        (FLAT, (1, 5, 1, 2, 9)),
        (FLAT, (2, 5, 3, 7, 4)),
        (ALONG_Z, (1, 5, 1, 1, 3)),
        (ALONG_Z, (1, 5, 3, 8, 5)),
        (ALONG_Z, (2, 5, 2, 3, 6)),
        (((3, 3, 3), (1, 2, 2)), (1, 5, 3, 4, 5)),
        (((3, 5, 5), (2, 2, 2)), (1, 5, 2, 4, 3)),
        (((1, 3, 3), (1, 3, 3)), (1, 5, 2, 4, 3)),
    ],
)
def test_it_gives_what_up_gives_up_to_every_edge(
    sizes: tuple[Zyx, Zyx], shape: tuple[int, ...], memory: torch.memory_format
) -> None:
    up, features, finer = pair(sizes, shape)
    with torch.no_grad():
        expected = up(features, finer)
        found = fused(up)(features.contiguous(memory_format=memory), finer.contiguous(memory_format=memory).clone())
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_it_adds_in_place_and_leaves_the_coarser_features() -> None:
    up, features, finer = pair(ALONG_Z, (1, 5, 2, 3, 4))
    before = features.clone()
    with torch.no_grad():
        assert fused(up)(features, finer) is finer
    assert torch.equal(features, before)


@pytest.mark.parametrize("sizes", [FLAT, ALONG_Z, ((1, 3, 3), (1, 3, 3))])
def test_it_adds_to_bytes_as_to_numbers(sizes: tuple[Zyx, Zyx]) -> None:
    up, features, finer = pair(sizes, (1, 5, 2, 3, 4))
    counts = (100 * finer.abs()).to(torch.uint8)
    with torch.no_grad():
        torch.testing.assert_close(fused(up)(features, counts), fused(up)(features, counts.float()))


@pytest.mark.parametrize("sizes", [FLAT, ALONG_Z])
def test_in_bfloat16_it_is_as_exact_as_convolving_what_was_upsampled(sizes: tuple[Zyx, Zyx]) -> None:
    up, features, finer = pair(sizes, (1, 24, 4, 12, 12))
    rounded = fused(copy.deepcopy(up)).bfloat16()
    swapped, rounded.swapped = rounded.swapped, None
    with torch.no_grad():
        exact = up(features, finer)
        plain = (rounded(features.bfloat16(), finer.bfloat16()) - exact).abs().mean()
        rounded.swapped = swapped
        assert (rounded(features.bfloat16(), finer.bfloat16()) - exact).abs().mean() <= 1.2 * plain
