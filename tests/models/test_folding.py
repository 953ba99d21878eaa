import copy

import pytest
import torch
from torch import nn

from models.folding import folded
from models.registry import Layout, build
from tests.models.builders import IN_3D, tubes


@pytest.mark.parametrize("layout", IN_3D)
def test_a_folded_network_gives_the_same_and_the_given_one_stays(layout: Layout) -> None:
    torch.manual_seed(0)
    network = build(layout).train()
    image = torch.from_numpy(tubes(sections=4, px=24)[0]).float()[None, None] / 255
    with torch.no_grad():
        for _ in range(8):
            network(image)  # brings the statistics of the normalisation away from 0 and 1
        network.eval()
        before = copy.deepcopy(network.state_dict())
        torch.testing.assert_close(folded(network)(image), network(image), rtol=1e-3, atol=1e-3)
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(tensor, before[name], rtol=0, atol=0)


def test_no_normalisation_is_left_in_a_folded_u_net() -> None:
    modules = list(folded(build(IN_3D[0]).eval()).modules())
    assert not any(isinstance(module, nn.BatchNorm3d) for module in modules)


@pytest.mark.parametrize("layout", IN_3D)
def test_predicting_in_place_changes_neither_the_image_nor_the_result(layout: Layout) -> None:
    torch.manual_seed(0)
    network, image = build(layout).eval(), torch.rand(1, 1, 6, 32, 32)
    given = image.clone()
    with torch.no_grad():
        in_place = network(image)
    torch.testing.assert_close(image, given, rtol=0, atol=0)
    torch.testing.assert_close(in_place, network(image).detach())
