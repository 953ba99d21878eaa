from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pydantic import ValidationError

from loop.errors import InputError, ProofloopError
from models.checkpoint import Checkpoint, save_checkpoint
from models.layout_linknet import LinkNetConfig
from models.layout_unet3d import NetworkConfig
from models.layouts import Layout
from models.precision import probabilities
from models.prediction import predict, predict_blocks
from models.prediction_config import PredictionConfig
from models.registry import build
from models.stacks import Prediction, as_input, predict_stack
from models.surroundings import Stack, margins_of
from models.unet3d import UNet3d
from models.variants import VARIANTS
from tests.models.builders import DEEP, DILATED, FLAT, REFINER

EXACT = PredictionConfig(precision="float32", variants=1)
VOLUME = np.random.default_rng(0).integers(0, 256, size=(12, 75, 130), dtype=np.uint8)


def checkpoint_of(config: NetworkConfig, folder: Path) -> Path:
    torch.manual_seed(1)
    path = folder / "net.safetensors"
    save_checkpoint(path, Checkpoint(network=config, tensors=UNet3d(config).state_dict(), provenance={}))
    return path


def predicted(path: Path, config: PredictionConfig, sections: Sequence[int] = range(12)) -> Prediction:
    return predict(path, lambda z0, z1: VOLUME[z0:z1], n_sections=12, sections=sections, config=config)


@pytest.mark.parametrize("network", [FLAT, DEEP])
def test_blocks_and_tiles_leave_no_seam(tmp_path: Path, network: NetworkConfig) -> None:
    path = checkpoint_of(network, tmp_path)
    whole = predicted(path, EXACT.model_copy(update={"block_sections": 12}))
    cut = predicted(path, EXACT.model_copy(update={"block_sections": 2, "tile_px": 32}))
    assert np.ptp(whole.mean) > 0.1
    np.testing.assert_allclose(cut.mean, whole.mean, atol=1e-5)


@pytest.mark.parametrize("network", [FLAT, DEEP])
def test_a_section_is_predicted_alike_alone_and_among_others(tmp_path: Path, network: NetworkConfig) -> None:
    path = checkpoint_of(network, tmp_path)
    alone = predicted(path, EXACT, range(5, 6))
    assert alone.mean.shape == (1, 75, 130)
    np.testing.assert_allclose(alone.mean[0], predicted(path, EXACT).mean[5], atol=1e-5)


@pytest.mark.parametrize("variants", [1, 4, 8, 16])
def test_mean_and_variance_are_those_of_the_mirrored_views(tmp_path: Path, variants: int) -> None:
    path = checkpoint_of(FLAT, tmp_path)
    config = EXACT.model_copy(update={"variants": variants})
    # a square that needs no padding to the grid, so that the views can be made by hand
    image = VOLUME[:3, :64, :64]
    got = predict(path, lambda z0, z1: image[z0:z1], n_sections=3, sections=range(3), config=config)
    views = [_view(path, image, number) for number in range(variants)]
    np.testing.assert_allclose(got.mean, np.mean(views, axis=0), atol=1e-5)
    np.testing.assert_allclose(got.variance, np.var(views, axis=0), atol=1e-5)


def _view(path: Path, image: NDArray[np.uint8], number: int) -> NDArray[np.float32]:
    mirrored = np.ascontiguousarray(VARIANTS[number].apply(image))
    single = predict(path, lambda z0, z1: mirrored[z0:z1], n_sections=3, sections=range(3), config=EXACT)
    return VARIANTS[number].invert(single.mean)


def test_sections_with_others_between_are_predicted_as_in_the_whole(tmp_path: Path) -> None:
    path, wanted = checkpoint_of(DEEP, tmp_path), [0, 3, 4, 9, 11]
    np.testing.assert_allclose(predicted(path, EXACT, wanted).mean, predicted(path, EXACT).mean[wanted], atol=1e-5)


@pytest.mark.parametrize(("shape", "shown"), [((12, 64, 96), (12, 64, 96)), ((12, 75, 130), (12, 76, 130))])
def test_a_section_is_shown_as_it_is_but_for_what_the_grid_asks_at_its_far_edges(
    shape: tuple[int, int, int], shown: tuple[int, int, int]
) -> None:
    torch.manual_seed(1)
    network, image = UNet3d(DEEP).eval(), VOLUME[:, : shape[1], : shape[2]]
    beyond = [(0, after - before) for before, after in zip(shape, shown, strict=True)]
    by_hand = probabilities(network, as_input(network, np.pad(image, beyond, mode="reflect")))[0, 0]
    found, _ = stacked(network, image)
    np.testing.assert_allclose(found.mean, by_hand[:, : shape[1], : shape[2]].numpy(), atol=1e-5)


def test_only_the_sections_that_are_needed_are_read(tmp_path: Path) -> None:
    asked: list[tuple[int, int]] = []

    def read(z0: int, z1: int) -> NDArray[np.uint8]:
        asked.append((z0, z1))
        return VOLUME[z0:z1]

    config = EXACT.model_copy(update={"block_sections": 2})
    blocks = [
        block
        for block, _ in predict_blocks(
            checkpoint_of(FLAT, tmp_path), read, n_sections=12, sections=range(8, 12), config=config
        )
    ]
    assert blocks == [range(8, 10), range(10, 12)]
    # the precision is chosen on the first sections, and their extents tell how large blocks may be
    assert asked == [(7, 12), (7, 11), (9, 12)]


def test_the_precision_is_chosen_once_however_many_stretches_are_predicted(tmp_path: Path) -> None:
    asked: list[tuple[int, int]] = []

    def read(z0: int, z1: int) -> NDArray[np.uint8]:
        asked.append((z0, z1))
        return VOLUME[z0:z1]

    sections = [0, 1, 4, 8, 9]
    predict(checkpoint_of(FLAT, tmp_path), read, n_sections=12, sections=sections, config=PredictionConfig(variants=1))
    # the first four sections with a neighbour are those that the choice is made on
    assert asked == [(0, 5), (0, 3), (3, 6), (7, 11)]


@pytest.mark.parametrize("layout", [FLAT, DEEP, DILATED, REFINER, LinkNetConfig()])
@pytest.mark.parametrize("shape", [(1, 5, 9), (3, 17, 1)])
def test_volumes_smaller_than_the_network_looks_are_predicted(
    tmp_path: Path, layout: Layout, shape: tuple[int, int, int]
) -> None:
    torch.manual_seed(1)
    path = tmp_path / "net.safetensors"
    save_checkpoint(path, Checkpoint(network=layout, tensors=build(layout).state_dict(), provenance={}))
    small = VOLUME[: shape[0], : shape[1], : shape[2]]
    config = EXACT.model_copy(update={"variants": 4})
    got = predict(path, lambda z0, z1: small[z0:z1], n_sections=len(small), sections=range(len(small)), config=config)
    assert got.mean.shape == got.variance.shape == shape
    assert 0 <= got.mean.min() <= got.mean.max() <= 1


@pytest.mark.parametrize("sizes", [{"tile_px": 33}, {"tile_px": 10**6}, {"block_sections": 1}])
def test_odd_tiny_and_huge_tiles_and_blocks_give_the_same(tmp_path: Path, sizes: dict[str, int]) -> None:
    path, small = checkpoint_of(DEEP, tmp_path), VOLUME[:3, :40, :37]

    def found(config: PredictionConfig) -> NDArray[np.float32]:
        return predict(path, lambda z0, z1: small[z0:z1], n_sections=3, sections=range(3), config=config).mean

    np.testing.assert_allclose(found(EXACT.model_copy(update=sizes)), found(EXACT), atol=1e-5)


@pytest.mark.parametrize("key", ["tile_px", "block_sections"])
def test_tiles_and_blocks_of_nothing_are_refused(key: str) -> None:
    with pytest.raises(ValidationError, match=key):
        PredictionConfig.model_validate({key: 0})


@pytest.mark.parametrize(
    ("content", "problem"), [(b"", "cannot be read"), (b"\x80\x04]q\x00.", "pickle"), (None, "no checkpoint")]
)
def test_a_bad_checkpoint_is_told_of_before_anything_is_read(
    tmp_path: Path, content: bytes | None, problem: str
) -> None:
    path = tmp_path / "net.safetensors"
    if content is not None:
        path.write_bytes(content)

    def read(_z0: int, _z1: int) -> NDArray[np.uint8]:
        raise AssertionError("the volume was read")

    with pytest.raises(InputError, match=rf"{problem}[\s\S]*given[\s\S]*expected[\s\S]*fix"):
        predict(path, read, n_sections=12, sections=range(12))


def stacked(network: UNet3d, stack: NDArray[np.uint8]) -> tuple[Prediction, int]:
    whole = Stack(stack, slice(0, len(stack)))
    return predict_stack(network, whole, margins=margins_of(network.config, 1.0), tile_px=2048, variants=1)


class _Hungry(UNet3d):
    """A network that finds no memory for more than so many voxels."""

    def __init__(self, layout: NetworkConfig, most: int, error: Exception) -> None:
        super().__init__(layout)
        self.most, self.error, self.asked = most, error, [0]

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        self.asked.append(image.numel())
        if image.numel() > self.most:
            raise self.error
        return super().forward(image)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried to"),
    ],
)
def test_where_memory_runs_out_the_tiles_are_halved_and_the_result_is_the_same(error: Exception) -> None:
    torch.manual_seed(1)
    network = _Hungry(DEEP, 2 * VOLUME.size, error).eval()
    expected, tile_px = stacked(network, VOLUME)
    assert tile_px == 2048
    network.most = 12 * 72 * 72
    predicted, tile_px = stacked(network, VOLUME)
    assert tile_px == 130 // 2 // 2
    assert max(network.asked) > network.most >= network.asked[-1]
    np.testing.assert_allclose(predicted.mean, expected.mean, atol=1e-5)


def test_a_machine_without_memory_for_the_smallest_tile_is_reported() -> None:
    with pytest.raises(ProofloopError, match="even for tiles of"):
        stacked(_Hungry(DEEP, 0, MemoryError()).eval(), VOLUME)


def test_other_faults_of_a_network_are_not_taken_for_a_lack_of_memory() -> None:
    with pytest.raises(RuntimeError, match="shapes"):
        stacked(_Hungry(DEEP, 0, RuntimeError("shapes do not fit")).eval(), VOLUME)


@pytest.mark.parametrize(("share", "margin"), [(1.0, DEEP.reach[0]), (0.1, 2)])
def test_as_much_of_the_reach_is_read_around_a_block_as_was_asked_for(
    tmp_path: Path, share: float, margin: int
) -> None:
    asked: list[tuple[int, int]] = []

    def read(z0: int, z1: int) -> NDArray[np.uint8]:
        asked.append((z0, z1))
        return np.zeros((z1 - z0, 16, 16), np.uint8)

    config = EXACT.model_copy(update={"reach_share": share, "block_sections": 2})
    predict(checkpoint_of(DEEP, tmp_path), read, n_sections=90, sections=range(40, 42), config=config)
    assert asked[-1] == (40 - margin, 42 + margin)


def test_progress_covers_every_tile_and_view_of_every_block(tmp_path: Path) -> None:
    heard: list[tuple[int, int]] = []

    def progress(done: int, total: int, note: str = "") -> None:
        assert note == ""
        heard.append((done, total))

    config = EXACT.model_copy(update={"variants": 4, "block_sections": 3, "tile_px": 96})
    predict(
        checkpoint_of(FLAT, tmp_path),
        lambda z0, z1: VOLUME[z0:z1],
        n_sections=12,
        sections=range(6),
        config=config,
        progress=progress,
    )
    # 2 blocks, 2 tiles of the padded 76 x 132 section, 4 views
    assert heard == [(number, 16) for number in range(1, 17)]


def test_a_network_that_gives_nan_is_reported(tmp_path: Path) -> None:
    weights = UNet3d(FLAT).state_dict()
    weights["head.weight"].fill_(float("nan"))
    save_checkpoint(tmp_path / "nan", Checkpoint(network=FLAT, tensors=weights, provenance={}))
    with pytest.raises(ProofloopError, match="not a number"):
        predicted(tmp_path / "nan", PredictionConfig(variants=1))


@pytest.mark.parametrize("sections", [range(-1, 3), range(10, 13), range(4, 4)])
def test_sections_outside_the_volume_are_refused(tmp_path: Path, sections: range) -> None:
    with pytest.raises(InputError, match="not in the volume"):
        predicted(checkpoint_of(FLAT, tmp_path), EXACT, sections)


@pytest.mark.parametrize(
    "spoil", [lambda stack: stack.astype(np.float32), lambda stack: stack[0], lambda stack: stack[1:]]
)
def test_images_that_are_no_stack_of_bytes_are_refused(
    tmp_path: Path, spoil: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
) -> None:
    with pytest.raises(InputError, match="image cannot be predicted"):
        predict(checkpoint_of(FLAT, tmp_path), lambda z0, z1: spoil(VOLUME[z0:z1]), n_sections=12, sections=range(2))
