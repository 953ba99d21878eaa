import copy
import math

import pytest
import torch
from torch import nn

from models import precision
from models.precision import agrees, as_bfloat16, fastest_that_agrees, precision_of, probabilities
from models.registry import Network
from models.unet3d import UNet3d
from tests.models.builders import FLAT

IMAGE = torch.rand(1, 1, 5, 64, 64, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def network() -> UNet3d:
    torch.manual_seed(0)
    return UNet3d(FLAT).eval()


def chosen(network: Network, others: list[Network], seconds: list[float], monkeypatch: pytest.MonkeyPatch) -> Network:
    """Choose where each format takes so many seconds."""
    taken = dict(zip(map(id, [network, *others]), seconds, strict=True))
    monkeypatch.setattr(precision, "_timed", lambda one, image: (probabilities(one, image), taken[id(one)]))
    return fastest_that_agrees(network, others, IMAGE)


def test_bfloat16_agrees_with_float32(network: UNet3d) -> None:
    rounded = as_bfloat16(network)
    assert (precision_of(network), precision_of(rounded)) == ("float32", "bfloat16")
    difference = (probabilities(network, IMAGE) - probabilities(rounded, IMAGE)).abs()
    assert 0 < difference.mean() < 0.005
    assert agrees(probabilities(rounded, IMAGE), probabilities(network, IMAGE))


@pytest.mark.parametrize(
    ("seconds", "number"), [([1.0, 0.5, 0.4], 2), ([1.0, 0.5, 0.48], 1), ([1.0, 0.9, 0.5], 2), ([1.0, 0.9, 0.9], 0)]
)
def test_the_fastest_format_is_taken_where_it_is_clearly_faster_than_the_one_before(
    network: UNet3d, seconds: list[float], number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    others: list[Network] = [as_bfloat16(network), as_bfloat16(network)]
    assert chosen(network, others, seconds, monkeypatch) is [network, *others][number]


@pytest.mark.parametrize("spoilt", [0.5, math.nan])
def test_a_format_that_gives_something_else_is_not_taken_however_fast(
    network: UNet3d, spoilt: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = copy.deepcopy(network)
    assert isinstance(other.head, nn.Conv3d)
    with torch.no_grad():
        other.head.weight.add_(spoilt)
    assert chosen(network, [other], [1.0, 0.1], monkeypatch) is network


@pytest.mark.parametrize(
    ("difference", "voxels", "agree"),
    [(0.004, 10_000, True), (0.006, 10_000, False), (0.9, 10, True), (0.9, 11, False)],
)
def test_formats_agree_by_their_mean_and_but_for_one_voxel_in_a_thousand(
    difference: float, voxels: int, agree: bool
) -> None:
    exact, found = torch.zeros(10_000), torch.zeros(10_000)
    found[:voxels] = difference
    assert agrees(found, exact) is agree
    assert not agrees(torch.full((10,), math.nan), torch.zeros(10))
