"""Weights that others trained on ImageNet, from a file or an address, into a ResNet encoder."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from loop.cache import cache_folder
from loop.errors import InputError
from models.layout_linknet import PUBLISHED
from models.resnet import ResnetEncoder


def load_imagenet(encoder: ResnetEncoder, source: str | Path) -> None:
    """Put published weights into `encoder`, in place.

    Parameters
    ----------
    encoder : ResnetEncoder
        Of the architecture that the weights are for.
    source : str or Path
        A state dict with torchvision's names: a `.pth` or `.safetensors` file, or an http(s) address of a `.pth`
        file, which is downloaded once into the cache folder and checked where its name ends in the first digits of
        its SHA-256, as those in `PUBLISHED` do. The classifier's weights (`fc.*`) are left aside. Pickles are read
        without running code.

    Raises
    ------
    InputError
        If the source cannot be had or read, or its weights are of another architecture.
    """
    stored = _from_address(str(source)) if str(source).startswith(("http://", "https://")) else _from_file(Path(source))
    own = encoder.state_dict()
    given = {name: tensor for name, tensor in stored.items() if not name.startswith("fc.")}
    # files from before torch 0.4.1 do not count batches, and nothing here depends on the count
    wanted = {name for name in own if name in given or not name.endswith("num_batches_tracked")}
    odd = sorted(
        name
        for name in wanted | given.keys()
        if name not in own or name not in given or _shape(own, name) != _shape(given, name)
    )
    if odd:
        raise InputError(
            "the weights are of another architecture",
            given=f"{source}: {len(odd)} names or shapes differ, the first is {odd[0]}",
            expected=f"{len(wanted)} weights of an encoder with torchvision's names",
            fix="give the weights of the same ResNet",
        )
    encoder.load_state_dict(own | given)


def _shape(tensors: Mapping[str, Any], name: str) -> tuple[int, ...]:
    return tuple(tensors[name].shape)


def _from_file(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise InputError(
            "there are no weights here",
            given=path,
            expected="a .pth or .safetensors file with torchvision's ImageNet weights",
            fix=f"download one, for instance {PUBLISHED['resnet34']}",
        )
    try:
        stored = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    except (pickle.UnpicklingError, SafetensorError, RuntimeError, EOFError, ValueError) as error:
        raise _unreadable(str(path), error) from error
    if not isinstance(stored, dict) or not all(isinstance(tensor, Tensor) for tensor in stored.values()):
        raise _unreadable(str(path), f"it holds {type(stored).__name__}, not a state dict")
    return stored


def _from_address(address: str) -> dict[str, Tensor]:
    folder = cache_folder() / "weights"
    path = folder / Path(urlsplit(address).path).name
    if not path.exists():
        try:
            torch.hub.load_state_dict_from_url(
                address, str(folder), "cpu", progress=False, check_hash=True, weights_only=True
            )
        except (URLError, OSError) as error:
            raise InputError(
                "the weights cannot be downloaded",
                given=f"{address}: {error}",
                expected="an address that this machine reaches",
                fix="download the file on another machine and give its path",
            ) from error
        except (RuntimeError, pickle.UnpicklingError) as error:
            raise _unreadable(address, error) from error
    return _from_file(path)


def _unreadable(source: str, reason: object) -> InputError:
    return InputError(
        "the weights cannot be read",
        given=f"{source}: {reason}",
        expected="a whole state dict of tensors",
        fix="download the file again",
    )
