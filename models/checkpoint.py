"""Weights on disk: safetensors, which cannot run code, with the network's layout and where the weights came from."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import JsonValue, TypeAdapter, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from loop import atomic
from loop.errors import InputError
from models.layouts import Layout
from models.registry import Network, build

FORMAT = "proofloop-1"
_LAYOUT: TypeAdapter[Layout] = TypeAdapter(Layout)


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint file holds.

    Attributes
    ----------
    network : Layout
        The layout that the weights fit; it names its architecture.
    tensors : mapping of str to Tensor
        Weights under the names of the network's state dict; a training in progress has more, under its own names.
    provenance : mapping
        How the weights came about.
    """

    network: Layout
    tensors: Mapping[str, Tensor]
    provenance: Mapping[str, JsonValue]


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> str:
    """Write a checkpoint, whole or not at all, and give the file's SHA-256 as hex digits."""
    about = {"network": checkpoint.network.model_dump(mode="json"), "provenance": dict(checkpoint.provenance)}
    # one entry, since safetensors writes several in random order and equal checkpoints would differ in their hash
    metadata = {FORMAT: json.dumps(about, sort_keys=True)}
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in checkpoint.tensors.items()}
    with atomic.replacing(path) as temporary:
        temporary.write_bytes(save(tensors, metadata))  # save_file hides a full disk in an error of its own
        return checkpoint_sha256(temporary)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises
    ------
    InputError
        There is no such file, it is a pickle, it is cut short, or proofloop did not write it.
    """
    _refuse_what_is_no_checkpoint(path)
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - the file is no mapping
    except SafetensorError as error:
        raise InputError(
            "the checkpoint cannot be read",
            given=f"{path}, {path.stat().st_size} bytes: {error}",
            expected="a whole safetensors file",
            fix="copy the file again, or take an earlier checkpoint: this one is cut short or damaged",
        ) from error
    try:
        about = json.loads(metadata[FORMAT])
        network, provenance = _LAYOUT.validate_python(about["network"]), about["provenance"]
    except (KeyError, TypeError, ValidationError, json.JSONDecodeError) as error:
        raise InputError(
            "the checkpoint does not say what network it is for",
            given=f"{path} with {metadata.get(FORMAT, sorted(metadata))}",
            expected=f"a checkpoint written by proofloop ({FORMAT})",
            fix="give a checkpoint from a run directory; weights of other programs do not fit",
        ) from error
    return Checkpoint(network=network, tensors=tensors, provenance=provenance)


def load_network(path: Path, *, expected: Layout | None = None) -> Network:
    """Build the network that the checkpoint at `path` describes, with its weights, ready for prediction.

    Raises
    ------
    InputError
        As `load_checkpoint`; or the layout is not the `expected` one; or weights are missing or superfluous.
    """
    checkpoint = load_checkpoint(path)
    if expected is not None and checkpoint.network != expected:
        raise InputError(
            "the checkpoint is of another architecture",
            given=f"{path}: {checkpoint.network!r}",
            expected=repr(expected),
            fix="start from a checkpoint of the same network, or train from scratch",
        )
    return network_with(checkpoint, source=path)


def network_with(checkpoint: Checkpoint, *, source: Path) -> Network:
    """Build a network from a checkpoint read from `source`."""
    with torch.random.fork_rng():
        network = build(checkpoint.network)
    own = network.state_dict()
    shapes = {name: tuple(tensor.shape) for name, tensor in own.items()}
    given = {name: tuple(tensor.shape) for name, tensor in checkpoint.tensors.items()}
    if shapes != given:
        odd = sorted(name for name in shapes.keys() | given.keys() if shapes.get(name) != given.get(name))
        raise InputError(
            "the checkpoint's weights do not fit the network that it names",
            given=f"{source}: {len(odd)} weights differ, the first is {odd[0]}",
            expected="one tensor of the right shape for each weight",
            fix="give a checkpoint from a run directory; this file was altered or belongs to another architecture",
        )
    network.load_state_dict(dict(checkpoint.tensors))
    return network.eval()


def checkpoint_sha256(path: Path) -> str:
    """Give the SHA-256 of a checkpoint file as hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _refuse_what_is_no_checkpoint(path: Path) -> None:
    if not path.is_file():
        raise InputError(
            "there is no checkpoint here",
            given=path,
            expected="a checkpoint file (.safetensors)",
            fix="check the path; a run keeps its checkpoints under RUN/iterations",
        )
    with path.open("rb") as file:
        start = file.read(9)
    # A pickle opens with its protocol mark, a zip of torch.save with PK. So may the length that opens a safetensors
    # file, but there the header's brace follows in the ninth byte.
    if start.startswith((b"PK", b"\x80")) and start[8:] != b"{":
        raise InputError(
            "the checkpoint is a pickle, which could run any code when opened; it was not opened",
            given=path,
            expected="a safetensors file",
            fix="convert it where you trust it: safetensors.torch.save_file(torch.load(..., weights_only=True), ...)",
        )
