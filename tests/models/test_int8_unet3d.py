import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from loop.errors import InputError, ProofloopError
from models.activations import flat_activations
from models.checkpoint import Checkpoint, save_checkpoint
from models.fused_unet3d import FusedUNet3d
from models.fusing import fused
from models.int8_convolution import Int8Convolution
from models.int8_unet3d import Int8UNet3d, in_int8, int8_can_pay
from models.layout_unet3d import NetworkConfig
from models.precision import as_bfloat16, precision_of, probabilities
from models.prediction import predict, predict_blocks, settled
from models.prediction_config import PredictionConfig
from models.registry import build, channels_last
from models.unet3d import UNet3d
from tests.models.builders import DILATED, IN_3D, tubes

pytestmark = pytest.mark.skipif(
    not torch.cpu._is_vnni_supported(), reason="this processor does not multiply bytes fast"
)

NET_A = NetworkConfig(
    channels=(16, 32, 32, 8),
    kernels=((1, 3, 3), (1, 3, 3), (3, 3, 3), (3, 3, 3)),
    pools=((1, 2, 2), (1, 2, 2), (2, 2, 2)),
)
FOLDED = NetworkConfig(channels=(16, 32, 8), kernels=((1, 3, 3),) * 3, pools=((1, 2, 2),) * 2, fold=2, stem_sections=3)
VOLUME = tubes(sections=12, px=80)[0]
IMAGE = torch.from_numpy(VOLUME[:6])[None, None] / 255


def used(layout: NetworkConfig) -> UNet3d:
    """Give a network whose normalisation has left 0 and 1, and whose output is neither."""
    torch.manual_seed(0)
    network = UNet3d(layout).train()
    with torch.no_grad():
        for _ in range(8):
            logits = network(IMAGE)
        assert isinstance(network.head, nn.Conv3d)
        network.head.weight /= logits.std()
    return network.eval()


def formats(layout: NetworkConfig) -> tuple[FusedUNet3d, FusedUNet3d, Int8UNet3d]:
    exact = channels_last(fused(used(layout)))
    rounded = as_bfloat16(exact)
    assert isinstance(exact, FusedUNet3d)
    assert isinstance(rounded, FusedUNet3d)
    return exact, rounded, in_int8(exact, rounded, [IMAGE.bfloat16()])


def test_a_convolution_of_bytes_is_the_one_of_what_they_are_worth() -> None:
    # of one pixel with the identity: 10 counts of 2 are 20, which are 5 counts of 4
    convolution = nn.Conv3d(1, 1, (1, 3, 3), padding=(0, 1, 1))
    with torch.no_grad():
        convolution.weight.zero_()[0, 0, 0, 1, 1] = 1.0
        convolution.bias.fill_(8.0)  # type: ignore[union-attr]  # it has one
        made = Int8Convolution(
            convolution, read=torch.tensor([2.0]), written=torch.tensor([4.0]), mean=torch.tensor([1.0])
        )
    counts = torch.full((1, 1, 1, 4, 4), 10, dtype=torch.uint8)
    assert set(made(counts).flatten().tolist()) == {7}
    # where a count is worth twice as much, so is the bias
    assert set(made(counts, 2.0).flatten().tolist()) == {6}
    assert set(made.added(torch.full_like(counts, 100), counts).flatten().tolist()) == {107}


def test_rounded_weights_add_nothing_on_average() -> None:
    torch.manual_seed(0)
    convolution = nn.Conv3d(16, 16, (1, 3, 3), padding=(0, 1, 1))
    counts = torch.randint(0, 256, (2, 16, 1, 64, 64), dtype=torch.uint8)
    one = torch.full((16,), 0.01)
    with torch.no_grad():
        made = Int8Convolution(convolution, read=one, written=one, mean=torch.full((16,), 1.275))
        exact = functional.relu(convolution(counts * 0.01))
    error = made(counts) * 0.01 - exact
    assert error.abs().mean() < 0.02
    assert error.mean().abs() < 0.001


@pytest.mark.parametrize("layout", [NET_A, FOLDED])
def test_a_network_in_int8_agrees_with_it_in_float32_and_the_given_ones_stay(layout: NetworkConfig) -> None:
    exact, rounded, counting = formats(layout)
    before = copy.deepcopy(rounded.state_dict())
    image = IMAGE.clone()
    expected = probabilities(exact, image)
    difference = (probabilities(counting, image) - expected).abs()
    assert precision_of(counting) == "int8"
    assert expected.std() > 0.1
    assert 0 < difference.mean() < 0.02
    assert torch.equal(image, IMAGE)
    assert all(torch.equal(tensor, before[name]) for name, tensor in rounded.state_dict().items())


def test_images_whose_features_do_not_fit_into_bytes_are_predicted_in_bfloat16() -> None:
    _, rounded, counting = formats(NET_A)
    bright = 4.0 * IMAGE
    assert torch.equal(probabilities(counting, bright), probabilities(rounded, bright))
    assert not torch.equal(probabilities(counting, IMAGE), probabilities(rounded, IMAGE))


def test_a_network_whose_features_are_not_numbers_is_reported() -> None:
    exact, rounded, _ = formats(NET_A)
    with torch.no_grad():
        rounded.get_parameter("down.1.inner.bias").fill_(torch.inf)
    with pytest.raises(ProofloopError, match="not numbers"):
        in_int8(exact, rounded, [IMAGE.bfloat16()])


def test_activations_are_the_largest_and_the_mean_of_each_channel_and_no_hook_is_left() -> None:
    exact, _, _ = formats(NET_A)
    seen = flat_activations(exact, IMAGE)
    assert sorted(seen) == ["down.0", "down.1", "join.0", "join.1"]
    features = (IMAGE - 0.5) * 4.0
    looked_at = features[..., ::4, ::4]
    assert seen["down.0"].read.mean.item() == pytest.approx(looked_at.mean().item(), abs=1e-5)
    # sections are looked at a few at a time; all six are one such slab here
    assert seen["down.0"].read.most.item() == pytest.approx(looked_at.max().item())
    assert not any(module._forward_pre_hooks for module in exact.modules())


@pytest.mark.parametrize("layout", IN_3D)
def test_networks_that_would_gain_nothing_are_refused(layout: object, tmp_path: Path) -> None:
    network = fused(build(layout).eval())  # type: ignore[arg-type]  # a layout
    assert not int8_can_pay(network)
    with pytest.raises(InputError, match="cannot be predicted in int8"):
        in_int8(network, network, [IMAGE])


def stored(layout: NetworkConfig, folder: Path) -> Path:
    save_checkpoint(folder / "net", Checkpoint(network=layout, tensors=used(layout).state_dict(), provenance={}))
    return folder / "net"


def read(z0: int, z1: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return VOLUME[z0:z1]


@pytest.mark.parametrize("layout", [NET_A, FOLDED])
def test_blocks_that_are_shared_out_are_predicted_in_int8_as_one_after_another(
    layout: NetworkConfig, tmp_path: Path
) -> None:
    path = stored(layout, tmp_path)
    config = PredictionConfig(precision="int8", variants=4, device="cpu", block_sections=4)
    whole = predict(path, read, n_sections=12, sections=range(12), config=config)
    fixed, blocks = settled(path, read, n_sections=12, sections=range(12), config=config)
    assert fixed.precision == "int8"
    alone = [
        found.mean
        for block in reversed(blocks)
        for _, found in predict_blocks(path, read, n_sections=12, sections=block, config=fixed)
    ]
    np.testing.assert_array_equal(np.concatenate(alone[::-1]), whole.mean)


@pytest.mark.parametrize("layout", [NET_A, FOLDED])
@pytest.mark.parametrize("shape", [(1, 5, 9), (3, 80, 80), (5, 40, 200)])
def test_volumes_smaller_than_a_piece_are_predicted_in_int8(
    layout: NetworkConfig, shape: tuple[int, int, int], tmp_path: Path
) -> None:
    small = np.resize(VOLUME, shape)
    config = PredictionConfig(precision="int8", variants=1, device="cpu")
    path, sections = stored(layout, tmp_path), range(len(small))
    found = predict(path, lambda z0, z1: small[z0:z1], n_sections=len(small), sections=sections, config=config)
    assert found.mean.shape == shape


def test_a_dilated_network_cannot_be_predicted_in_int8(tmp_path: Path) -> None:
    torch.manual_seed(0)
    tensors = build(DILATED).state_dict()
    save_checkpoint(tmp_path / "net", Checkpoint(network=DILATED, tensors=tensors, provenance={}))
    with pytest.raises(InputError, match="flat levels"):
        predict(tmp_path / "net", read, n_sections=12, sections=[0], config=PredictionConfig(precision="int8"))
