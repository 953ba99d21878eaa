import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from loop.errors import InputError
from models.layout_linknet import PUBLISHED
from models.names import ResnetName
from models.resnet import ResnetEncoder
from models.resnet_weights import load_imagenet

# documented totals of torchvision less the classifier's 1000 x (512 or 2048) + 1000
WEIGHTS: dict[ResnetName, int] = {
    "resnet34": 21_797_672 - 513_000,
    "resnet50": 25_557_032 - 2_049_000,
    "resnet101": 44_549_160 - 2_049_000,
}


@pytest.fixture(scope="module")
def published() -> dict[str, Tensor]:
    """State dict as torchvision writes it, classifier included, with values of its own."""
    torch.manual_seed(1)
    weights = {name: torch.rand_like(tensor.float()) for name, tensor in ResnetEncoder("resnet34").state_dict().items()}
    return {**weights, "fc.weight": torch.rand(1000, 512), "fc.bias": torch.rand(1000)}


@pytest.fixture(scope="module")
def stored(published: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "resnet34.pth"
    torch.save(published, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    return path.rename(path.with_name(f"resnet34-{digest}.pth"))


@pytest.fixture
def address(stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("PROOFLOOP_CACHE", str(tmp_path / "cache"))
    handler = partial(SimpleHTTPRequestHandler, directory=str(stored.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/{stored.name}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("name", WEIGHTS)
def test_an_encoder_has_as_many_weights_as_the_published_network_without_its_classifier(name: ResnetName) -> None:
    encoder = ResnetEncoder(name)
    assert sum(parameter.numel() for parameter in encoder.parameters()) == WEIGHTS[name]
    assert name in PUBLISHED


@pytest.mark.parametrize(
    ("name", "key", "shape"),
    [
        ("resnet34", "conv1.weight", (64, 3, 7, 7)),
        ("resnet34", "bn1.running_mean", (64,)),
        ("resnet34", "layer1.0.conv1.weight", (64, 64, 3, 3)),
        ("resnet34", "layer2.0.downsample.0.weight", (128, 64, 1, 1)),
        ("resnet34", "layer2.0.downsample.1.running_var", (128,)),
        ("resnet34", "layer3.5.bn2.bias", (256,)),
        ("resnet50", "layer1.0.conv3.weight", (256, 64, 1, 1)),
        ("resnet50", "layer1.0.downsample.0.weight", (256, 64, 1, 1)),
        ("resnet50", "layer4.2.bn3.num_batches_tracked", ()),
        ("resnet101", "layer3.22.conv2.weight", (256, 256, 3, 3)),
    ],
)
def test_weights_have_the_published_names(name: ResnetName, key: str, shape: tuple[int, ...]) -> None:
    assert tuple(ResnetEncoder(name).state_dict()[key].shape) == shape


def test_blocks_that_keep_their_shape_have_no_downsampling() -> None:
    keys = ResnetEncoder("resnet34").state_dict().keys()
    assert sorted({key.split(".downsample")[0] for key in keys if "downsample" in key}) == [
        "layer2.0",
        "layer3.0",
        "layer4.0",
    ]


def test_weights_from_a_file_replace_all_but_the_classifier(stored: Path, published: dict[str, Tensor]) -> None:
    encoder = ResnetEncoder("resnet34")
    load_imagenet(encoder, stored)
    for name, weight in encoder.state_dict().items():
        torch.testing.assert_close(weight, published[name].to(weight.dtype))


def test_safetensors_without_batch_counts_are_read(published: dict[str, Tensor], tmp_path: Path) -> None:
    old = {name: weight for name, weight in published.items() if not name.endswith("num_batches_tracked")}
    save_file(old, tmp_path / "resnet34.safetensors")
    encoder = ResnetEncoder("resnet34")
    load_imagenet(encoder, tmp_path / "resnet34.safetensors")
    torch.testing.assert_close(encoder.bn1.running_mean, published["bn1.running_mean"])


def test_weights_are_downloaded_once(address: str, published: dict[str, Tensor], tmp_path: Path) -> None:
    encoder = ResnetEncoder("resnet34")
    load_imagenet(encoder, address)
    torch.testing.assert_close(encoder.conv1.weight.detach(), published["conv1.weight"])
    (kept,) = (tmp_path / "cache" / "weights").iterdir()
    written = kept.stat().st_mtime_ns
    load_imagenet(encoder, address)
    assert kept.stat().st_mtime_ns == written


def test_a_download_that_is_not_what_its_name_promises_is_refused(address: str, stored: Path, tmp_path: Path) -> None:
    (stored.parent / "resnet34-00000000.pth").write_bytes(b"not the weights")
    with pytest.raises(InputError, match="cannot be read"):
        load_imagenet(ResnetEncoder("resnet34"), address.replace(stored.name, "resnet34-00000000.pth"))
    assert not list((tmp_path / "cache" / "weights").glob("*.pth"))


def test_an_address_that_does_not_answer_is_refused(address: str) -> None:
    with pytest.raises(InputError, match="cannot be downloaded"):
        load_imagenet(ResnetEncoder("resnet34"), address + ".absent")


def test_weights_of_another_resnet_are_refused(stored: Path) -> None:
    with pytest.raises(InputError, match="another architecture"):
        load_imagenet(ResnetEncoder("resnet50"), stored)


def test_a_file_that_holds_no_weights_is_refused(tmp_path: Path) -> None:
    (tmp_path / "short.pth").write_bytes(b"no")
    torch.save([1, 2], tmp_path / "list.pth")
    (tmp_path / "short.safetensors").write_bytes(b"no")
    for name in ("short.pth", "list.pth", "short.safetensors"):
        with pytest.raises(InputError, match="cannot be read"):
            load_imagenet(ResnetEncoder("resnet34"), tmp_path / name)
    with pytest.raises(InputError, match="no weights here"):
        load_imagenet(ResnetEncoder("resnet34"), tmp_path / "absent.pth")
