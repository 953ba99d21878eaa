import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from models import paired_sections
from models.paired_sections import PairedConvolution, merged, parted


def convolution(*, channels_in: int = 5, channels: int = 4, kernel: tuple[int, int, int] = (3, 3, 3)) -> nn.Conv3d:
    torch.manual_seed(0)
    padding = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
    return nn.Conv3d(channels_in, channels, kernel, padding=padding)


def sections(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float32).reshape(1, 1, -1, 1, 1)


def test_each_section_is_made_of_itself_and_its_two_neighbours() -> None:
    weighted = convolution(channels_in=1, channels=1, kernel=(3, 1, 1))
    with torch.no_grad():
        weighted.weight.copy_(sections(100, 10, 1))
        weighted.bias = nn.Parameter(torch.tensor([0.5]))
        found = merged(PairedConvolution(weighted)(parted(sections(1, 2, 3, 4))))
    torch.testing.assert_close(found, sections(12.5, 123.5, 234.5, 340.5))


def test_even_and_odd_sections_are_parted_and_merged() -> None:
    stack = sections(1, 2, 3, 4)
    even, odd = parted(stack)
    assert even.flatten().tolist() == [1, 3, 0]
    assert odd.flatten().tolist() == [0, 2, 4]
    assert torch.equal(merged((even, odd)), stack)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("at_once", [1, 3, 4])
@pytest.mark.parametrize("depth", [2, 6, 16])
def test_it_gives_what_the_convolution_gives(
    depth: int, at_once: int, *, bias: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paired_sections, "PAIRS_AT_ONCE", at_once)
    plain = convolution()
    if not bias:
        plain.register_parameter("bias", None)
    features, residual = torch.randn(1, 5, depth, 7, 6), torch.randn(1, 4, depth, 7, 6)
    with torch.no_grad():
        found = PairedConvolution(plain)(parted(features))
        torch.testing.assert_close(merged(found), functional.relu(plain(features)), rtol=1e-5, atol=1e-5)
        found = PairedConvolution(plain)(parted(features), residual=parted(residual))
        expected = functional.relu(plain(features) + residual)
    torch.testing.assert_close(merged(found), expected, rtol=1e-5, atol=1e-5)
    assert not found[0][-1].any()
    assert not found[1][0].any()
