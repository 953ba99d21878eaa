"""A training in progress: what it needs to go on after a kill to the weights it would have had without one."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import JsonValue
from torch import Tensor, nn

from loop.errors import InputError
from models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from models.registry import Network, channels_last
from models.training_config import TrainingConfig

MOMENTS = ("exp_avg", "exp_avg_sq")


@dataclass
class TrainingState:
    """The moving parts; samples are drawn by number, so `step` stands for all random states.

    Attributes
    ----------
    average : dict of str to Tensor
        Running mean of the network's weights and statistics.
    loss : float
        Running mean of the training loss.
    best, best_loss
        The average that did best on the validation sections, and its loss there; None before the first measurement.
    stale : int
        Measurements since then.
    """

    network: Network
    average: dict[str, Tensor]
    optimiser: torch.optim.AdamW
    step: int
    loss: float
    best: dict[str, Tensor] | None = None
    best_loss: float = float("inf")
    stale: int = 0


def fresh_state(network: Network, config: TrainingConfig, *, device: torch.device) -> TrainingState:
    """Stand before the first update of `network`."""
    network = channels_last(network).to(device)
    decayed = [weight for weight in network.parameters() if weight.ndim > 1]
    others = [weight for weight in network.parameters() if weight.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=config.learning_rate, fused=True)
    average = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
    return TrainingState(network=network, average=average, optimiser=optimiser, step=0, loss=float("nan"))


def update_average(state: TrainingState, keep: float) -> None:
    """Draw the running mean of the weights towards the weights; early on it forgets faster."""
    kept = min(keep, (1 + state.step) / (10 + state.step))
    for name, tensor in state.network.state_dict().items():
        if tensor.is_floating_point():
            state.average[name].lerp_(tensor, 1.0 - kept)
        else:
            state.average[name].copy_(tensor)


def save_state(path: Path, state: TrainingState, *, fingerprint: str) -> None:
    """Write the state, whole or not at all."""
    tensors = {f"network/{name}": tensor for name, tensor in state.network.state_dict().items()}
    tensors |= {f"average/{name}": tensor for name, tensor in state.average.items()}
    for number, parameter in enumerate(_parameters(state.optimiser)):
        for moment in MOMENTS:
            if moment in state.optimiser.state[parameter]:
                tensors[f"{moment}/{number}"] = state.optimiser.state[parameter][moment]
    tensors |= {f"best/{name}": tensor for name, tensor in (state.best or {}).items()}
    # figures as text keep "nan" and "inf", which JSON has not
    provenance: dict[str, JsonValue] = {"fingerprint": fingerprint, "step": state.step, "loss": str(state.loss)}
    if state.best is not None:
        provenance |= {"best_loss": str(state.best_loss), "stale": state.stale}
    save_checkpoint(path, Checkpoint(network=state.network.config, tensors=tensors, provenance=provenance))


def resume_state(path: Path, state: TrainingState, *, fingerprint: str) -> TrainingState:
    """Put a fresh `state` where the training saved at `path` was.

    Raises
    ------
    InputError
        The saved training had other settings, other data or another start.
    """
    saved = load_checkpoint(path)
    if saved.provenance["fingerprint"] != fingerprint:
        raise InputError(
            "an unfinished training lies here that had other settings, other labels or another start",
            given=f"{path} at step {saved.provenance['step']}",
            expected="the training that was interrupted, to be continued",
            fix=f"restore the settings, or delete {path} to train from the start",
        )
    step = int(str(saved.provenance["step"]))
    state.network.load_state_dict(_below("network/", saved.tensors))
    for name, tensor in _below("average/", saved.tensors).items():
        state.average[name].copy_(tensor)
    for number, parameter in enumerate(_parameters(state.optimiser)):
        moments = {
            moment: saved.tensors[f"{moment}/{number}"].to(parameter.device, memory_format=_layout(parameter))
            for moment in MOMENTS
            if f"{moment}/{number}" in saved.tensors
        }
        if moments:
            state.optimiser.state[parameter] = {"step": torch.tensor(float(step), device=parameter.device), **moments}
    best = _below("best/", saved.tensors)
    if best:
        state.best = {name: torch.empty_like(state.average[name]).copy_(tensor) for name, tensor in best.items()}
        state.best_loss = float(str(saved.provenance["best_loss"]))
        state.stale = int(str(saved.provenance["stale"]))
    state.step, state.loss = step, float(str(saved.provenance["loss"]))
    return state


def state_is_of(path: Path, fingerprint: str) -> bool:
    """Tell whether a training of this fingerprint left its state at `path`."""
    return path.exists() and load_checkpoint(path).provenance["fingerprint"] == fingerprint


def _parameters(optimiser: torch.optim.Optimizer) -> list[nn.Parameter]:
    return [parameter for group in optimiser.param_groups for parameter in group["params"]]


def _layout(parameter: Tensor) -> torch.memory_format:
    return {4: torch.channels_last, 5: torch.channels_last_3d}.get(parameter.ndim, torch.contiguous_format)


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
