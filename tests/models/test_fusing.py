import copy

import pytest
import torch
from torch import nn

from models import fused_unet3d
from models.fusing import fused
from models.layout_unet3d import NetworkConfig
from models.layouts import Layout
from models.precision import as_bfloat16, probabilities
from models.registry import Network, build, channels_last
from tests.models.builders import DEEP, FLAT, IN_3D, tubes

HALF_FLAT = NetworkConfig(channels=(4, 6, 8), kernels=((1, 3, 3), (1, 3, 3), (3, 3, 3)), pools=((1, 2, 2), (1, 2, 2)))
"""Looks along z in its coarsest level only."""

IMAGE = torch.from_numpy(tubes(sections=4, px=48)[0]).float()[None, None] / 255


def used(layout: Layout) -> Network:
    """Give a network whose normalisation has left 0 and 1."""
    torch.manual_seed(0)
    network = build(layout).train()
    with torch.no_grad():
        for _ in range(8):
            network(IMAGE)
    return network.eval()


@pytest.mark.parametrize("layout", IN_3D)
def test_a_fused_network_gives_the_same_and_the_given_one_stays(layout: Layout) -> None:
    network, image = used(layout), IMAGE.clone()
    before = copy.deepcopy(network.state_dict())
    with torch.no_grad():
        expected = network(IMAGE)
        torch.testing.assert_close(fused(network)(image), expected, rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(channels_last(fused(network))(image), expected, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(image, IMAGE, rtol=0, atol=0)
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(tensor, before[name], rtol=0, atol=0)


def test_no_normalisation_is_left_in_a_fused_u_net() -> None:
    modules = list(fused(build(IN_3D[0]).eval()).modules())
    assert not any(isinstance(module, nn.BatchNorm3d) for module in modules)


@pytest.mark.parametrize("layout", IN_3D)
def test_a_fused_network_in_bfloat16_agrees_with_it_in_float32(layout: Layout) -> None:
    network = fused(used(layout))
    rounded = probabilities(as_bfloat16(network), IMAGE)
    assert (rounded - probabilities(network, IMAGE)).abs().mean() < 0.01


@pytest.mark.parametrize("layout", IN_3D)
def test_without_onednn_a_fused_network_gives_the_same(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    network = fused(used(layout))
    with torch.no_grad():
        expected = network(IMAGE)
        monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
        torch.testing.assert_close(network(IMAGE), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("layout", [FLAT, DEEP, HALF_FLAT])
def test_levels_run_a_few_sections_at_a_time_give_the_same(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    network = fused(used(layout))
    with torch.no_grad():
        whole = network(IMAGE)
        monkeypatch.setattr(fused_unet3d, "PIXELS_AT_ONCE", 1)
        torch.testing.assert_close(network(IMAGE), whole, rtol=1e-4, atol=1e-4)
