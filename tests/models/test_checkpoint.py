import hashlib
import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from loop.errors import InputError
from models.checkpoint import FORMAT, Checkpoint, checkpoint_sha256, load_checkpoint, load_network, save_checkpoint
from models.layout_linknet import LinkNetConfig
from models.layouts import Layout
from models.registry import build
from models.unet3d import UNet3d
from tests.models.builders import DEEP, DILATED, FLAT, IN_3D, REFINER


def saved(path: Path) -> UNet3d:
    network = UNet3d(FLAT)
    save_checkpoint(path, Checkpoint(network=FLAT, tensors=network.state_dict(), provenance={"steps": 3}))
    return network


def test_a_checkpoint_brings_back_the_network_its_layout_and_its_provenance(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    network = saved(path).eval()
    image = torch.rand(1, 1, 3, 8, 8)
    torch.testing.assert_close(load_network(path)(image), network(image))
    assert load_checkpoint(path).network == FLAT
    assert load_checkpoint(path).provenance == {"steps": 3}


@pytest.mark.parametrize("layout", [*IN_3D, LinkNetConfig()])
def test_a_checkpoint_brings_back_any_architecture(tmp_path: Path, layout: Layout) -> None:
    path, network = tmp_path / "net.safetensors", build(layout).eval()
    save_checkpoint(path, Checkpoint(network=layout, tensors=network.state_dict(), provenance={}))
    image = torch.rand(1, 1, 4, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(load_network(path, expected=layout)(image), network(image))


def test_a_checkpoint_from_before_architectures_were_named_is_a_u_net(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    about = {"network": FLAT.model_dump(mode="json", exclude={"architecture"}), "provenance": {}}
    save_file(UNet3d(FLAT).state_dict(), path, {FORMAT: json.dumps(about)})
    assert load_network(path, expected=FLAT).config == FLAT


def test_an_architecture_that_is_not_known_is_named(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    about = {"network": {"architecture": "transformer"}, "provenance": {}}
    save_file({"weight": torch.zeros(2)}, path, {FORMAT: json.dumps(about)})
    with pytest.raises(InputError, match="transformer"):
        load_network(path)


def test_the_sha256_is_that_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    given = save_checkpoint(path, Checkpoint(network=FLAT, tensors=UNet3d(FLAT).state_dict(), provenance={}))
    assert given == checkpoint_sha256(path) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_missing_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no checkpoint here[\s\S]*gone\.safetensors"):
        load_network(tmp_path / "gone.safetensors")


@pytest.mark.parametrize("kept", [0, 5, 200, -100])
def test_a_truncated_checkpoint_is_refused(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "net.safetensors"
    saved(path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError, match="cut short"):
        load_network(path)


def test_a_pickle_in_disguise_is_never_opened(tmp_path: Path) -> None:
    path, trap = tmp_path / "net.safetensors", tmp_path / "sprung"
    path.write_bytes(pickle.dumps(_Trap(trap)))
    with pytest.raises(InputError, match="pickle"):
        load_network(path)
    assert not trap.exists()
    torch.save(UNet3d(FLAT).state_dict(), path)
    with pytest.raises(InputError, match="pickle"):
        load_network(path)


@pytest.mark.parametrize("expected", [DEEP, DILATED, REFINER])
def test_a_checkpoint_of_another_architecture_is_refused(tmp_path: Path, expected: Layout) -> None:
    saved(tmp_path / "net.safetensors")
    both = rf"another architecture[\s\S]*given: .*unet3d[\s\S]*expected: .*{expected.architecture}"
    with pytest.raises(InputError, match=both):
        load_network(tmp_path / "net.safetensors", expected=expected)


def test_weights_that_do_not_fit_their_own_layout_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    save_checkpoint(path, Checkpoint(network=FLAT, tensors=UNet3d(DEEP).state_dict(), provenance={}))
    with pytest.raises(InputError, match="do not fit the network"):
        load_network(path)


def test_safetensors_of_another_program_are_refused(tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(2)}, tmp_path / "net.safetensors")
    with pytest.raises(InputError, match="does not say what network"):
        load_network(tmp_path / "net.safetensors")


class _Trap:
    """A pickle that writes a file when it is opened."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path, str]]:
        return Path.write_text, (self.path, "sprung")


@pytest.mark.parametrize("length", [0x4B50, 0x4480])
def test_a_checkpoint_whose_length_happens_to_look_like_a_pickle_is_read(tmp_path: Path, length: int) -> None:
    path = tmp_path / "net.safetensors"
    network = saved(path)
    whole = path.read_bytes()
    header = whole[8 : 8 + int.from_bytes(whole[:8], "little")]
    path.write_bytes(length.to_bytes(8, "little") + header.ljust(length) + whole[8 + len(header) :])
    torch.testing.assert_close(load_network(path).state_dict(), network.state_dict())
