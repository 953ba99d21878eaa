import pytest
import torch
from torch import nn

from models.fused_head import FusedHead


def head(channels: int, *, channels_in: int = 5) -> nn.Conv3d:
    torch.manual_seed(0)
    return nn.Conv3d(channels_in, channels, (1, 3, 3), padding=(0, 1, 1))


def test_a_kernel_that_looks_up_and_left_moves_the_picture() -> None:
    convolution = head(1, channels_in=1)
    with torch.no_grad():
        convolution.weight.zero_()[0, 0, 0, 0, 0] = 1.0
        convolution.bias = nn.Parameter(torch.tensor([0.5]))
        picture = torch.arange(1.0, 17).reshape(1, 1, 1, 4, 4)
        found = FusedHead(convolution)(picture)[0, 0, 0]
    assert found.tolist() == [[0.5] * 4, [0.5, 1.5, 2.5, 3.5], [0.5, 5.5, 6.5, 7.5], [0.5, 9.5, 10.5, 11.5]]


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last_3d])
@pytest.mark.parametrize("channels", [1, 3, 4, 12])
@pytest.mark.parametrize("extents", [(1, 4, 4), (3, 8, 20), (2, 6, 10), (2, 5, 7), (1, 16, 2)])
def test_it_gives_what_the_convolution_gives(
    channels: int, extents: tuple[int, ...], memory: torch.memory_format
) -> None:
    convolution, features = head(channels), torch.randn(2, 5, *extents).contiguous(memory_format=memory)
    with torch.no_grad():
        found = FusedHead(convolution)(features)
        torch.testing.assert_close(found, convolution(features), rtol=1e-5, atol=1e-5)
