import pytest
import torch
from pydantic import ValidationError

from models.layout_unet3d import NetworkConfig, network_preset
from models.unet3d import UNet3d
from tests.models.builders import DEEP, FLAT


def weights_of(network: UNet3d) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_the_full_preset_has_the_predecessors_number_of_weights() -> None:
    assert weights_of(UNet3d(network_preset("full"))) == 5_940_801


def test_the_cpu_preset_stays_small_enough_for_minutes_of_training() -> None:
    assert weights_of(UNet3d(network_preset("cpu"))) < 1_000_000


@pytest.mark.parametrize("config", [FLAT, DEEP])
def test_the_output_covers_the_input_less_its_context(config: NetworkConfig) -> None:
    network = UNet3d(config).eval()
    logits = network(torch.rand(2, 1, 4 + 2 * config.context_sections, 32, 16))
    assert logits.shape == (2, 1, 4, 32, 16)


@pytest.mark.parametrize("config", [FLAT, DEEP])
def test_no_output_voxel_looks_farther_than_reach(config: NetworkConfig) -> None:
    network = UNet3d(config).eval()
    z, px = config.reach
    size = 2 * px + 4 * config.grid[1]
    image = torch.rand(1, 1, 4 * max(z, 1) + 2 + 2 * config.context_sections, size, size, requires_grad=True)
    logits = network(image)
    depth = logits.shape[2] // 2
    logits[0, 0, depth, size // 2, size // 2].backward()
    assert image.grad is not None
    seen = image.grad[0, 0].abs().amax
    far_z = [abs(int(n) - depth - config.context_sections) for n in torch.nonzero(seen(dim=(1, 2)))]
    far_px = [abs(int(n) - size // 2) for n in torch.nonzero(seen(dim=(0, 1)))]
    assert 0 < max(far_px) <= px
    assert max(far_z) <= z + config.context_sections


def test_folded_pixels_come_back_in_place() -> None:
    network = UNet3d(FLAT).eval()
    with torch.no_grad():
        network.head.weight.zero_()
        assert network.head.bias is not None
        network.head.bias.copy_(torch.arange(4.0))
        logits = network(torch.rand(1, 1, 3, 4, 4))
    assert logits[0, 0, 0].tolist() == [[0, 1, 0, 1], [2, 3, 2, 3], [0, 1, 0, 1], [2, 3, 2, 3]]


@pytest.mark.parametrize(
    "wrong",
    [{"stem_sections": 2}, {"pools": ()}, {"pools": ((1, 2, 1),)}, {"kernels": ((1, 2, 3), (1, 3, 3))}, {"depth": 3}],
)
def test_a_layout_that_cannot_work_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        NetworkConfig.model_validate(FLAT.model_dump() | wrong)
