import pytest
import torch

from loop.errors import InputError
from models.dilated_unet3d import DilatedUNet3d
from models.layout_linknet import LinkNetConfig
from models.layout_unet3d import NetworkConfig, network_preset
from models.layouts import ARCHITECTURES, Layout, architecture
from models.names import ModelName
from models.refiner import Refiner
from models.registry import build
from models.training_config import check_patch, training_preset
from models.unet3d import UNet3d
from tests.models.builders import DEEP, DILATED, FLAT, REFINER

WEIGHTS = {
    "full": 5_940_801,
    "dilated": 4_821_825,
    "dlinknet34": 31_096_129,
    "linknet34": 31_096_129 - 4 * (9 * 512**2 + 512),  # D-LinkNet without its centre
}
ANY_SIZE = ("dilated", "refiner", "dlinknet34", "linknet34", "dlinknet50")


@pytest.mark.parametrize("name", WEIGHTS)
def test_a_network_has_the_number_of_weights_that_its_source_states(name: str) -> None:
    assert sum(parameter.numel() for parameter in build(architecture(name).layout).parameters()) == WEIGHTS[name]


@pytest.mark.parametrize("name", ANY_SIZE)
@pytest.mark.parametrize("shape", [(2, 32, 32), (1, 17, 31)])
def test_any_extents_odd_or_even_come_back(name: str, shape: tuple[int, int, int]) -> None:
    network = build(architecture(name).layout).eval()
    with torch.no_grad():
        assert network(torch.rand(1, 1, *shape)).shape == (1, 1, *shape)


@pytest.mark.parametrize("name", ["cpu", "full"])
def test_a_network_on_its_grid_gives_the_input_less_its_context(name: str) -> None:
    named = architecture(name)
    with torch.no_grad():
        logits = build(named.layout).eval()(torch.rand(1, 1, 2 + 2 * named.context_sections, 16, 16))
    assert logits.shape == (1, 1, 2, 16, 16)


@pytest.mark.parametrize("name", ["dilated", "linknet34"])
def test_an_odd_extent_is_filled_with_its_last_row_and_cut_back(name: str) -> None:
    network = build(architecture(name).layout).eval()
    image = torch.rand(1, 1, 2, 32, 31)
    with torch.no_grad():
        cut = network(image)
        filled = network(torch.cat([image, image[..., -1:]], dim=-1))
    torch.testing.assert_close(cut, filled[..., :31])


@pytest.mark.parametrize("name", ["dilated", "dlinknet34"])
def test_every_weight_learns(name: str) -> None:
    torch.manual_seed(0)
    network = build(architecture(name).layout).train()
    network(torch.rand(2, 1, 2, 64, 64)).square().mean().backward()
    still = [key for key, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert still == []


def test_the_dilated_network_sees_farther_in_the_plane_than_net_a_without_pooling() -> None:
    network = DilatedUNet3d().eval()
    features = torch.rand(1, 1, 3, 65, 65, requires_grad=True)
    network.down[0](features)[0, :, 1, 32, 32].sum().backward()
    assert features.grad is not None
    seen = torch.nonzero(features.grad[0, 0].abs().amax(dim=(0, 1)))
    assert int(seen.max()) - 32 == 1 + 1 + 2 + 4 + 8


def test_a_section_of_a_2d_network_does_not_depend_on_its_neighbours() -> None:
    network = build(architecture("linknet34").layout).eval()
    stack = torch.rand(1, 1, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(network(stack)[:, :, 1:2], network(stack[:, :, 1:2]))


def test_the_refiner_keeps_net_a_as_it_was_given() -> None:
    network = UNet3d(DEEP).eval()
    before = {name: weight.clone() for name, weight in network.state_dict().items()}
    refiner = Refiner(network)
    assert refiner.embedding.state_dict().keys() == {name for name in before if not name.startswith("head.")}
    with torch.no_grad():
        for weight in refiner.parameters():
            weight.add_(1)
    for name, weight in network.state_dict().items():
        torch.testing.assert_close(weight, before[name])


@pytest.mark.parametrize("config", [FLAT, network_preset("cpu")])
def test_the_refiner_refuses_a_network_that_folds(config: NetworkConfig) -> None:
    with pytest.raises(ValueError, match="fold = 1"):
        Refiner(UNet3d(config))


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match=", ".join(ARCHITECTURES)):
        architecture("unet")


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_name_has_settings_that_fit_its_network(name: ModelName) -> None:
    settings = training_preset(name)
    assert settings.network == architecture(name).layout
    check_patch(settings)


def farthest(layout: Layout, shape: tuple[int, int, int]) -> tuple[int, int]:
    """How far the middle of `shape` looks along z and along x."""
    network, image = build(layout).eval(), torch.rand(1, 1, *shape, requires_grad=True)
    network(image)[0, 0, shape[0] // 2, shape[1] // 2, shape[2] // 2].backward()
    assert image.grad is not None
    seen = torch.nonzero(image.grad[0, 0])
    z, _, x = ((seen[:, axis] - shape[axis] // 2).abs().max() for axis in range(3))
    return int(z), int(x)


@pytest.mark.parametrize("layout", [DILATED, REFINER, LinkNetConfig()])
def test_no_output_voxel_looks_farther_than_its_layout_says(layout: Layout) -> None:
    torch.manual_seed(0)
    (z, px), (sections, grid) = layout.reach, layout.grid
    assert 0 <= farthest(layout, (2 * z + 4 * sections, grid, grid))[0] <= z
    assert px / 3 < farthest(layout, (sections, grid, 2 * px + 4 * grid))[1] <= px
