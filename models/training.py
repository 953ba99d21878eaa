"""Training a network on annotated sections, from nothing or from an earlier checkpoint."""

import hashlib
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from pydantic import JsonValue
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.utils.tensorboard import SummaryWriter

from loop.errors import InputError, TrainingDiverged
from loop.progress import Progress, silent
from models.allocator import freed_memory_kept
from models.batches import Batch, batches
from models.checkpoint import Checkpoint, checkpoint_sha256, load_checkpoint, save_checkpoint
from models.dataset import PatchSampler, PatchShape, TrainingBlock
from models.losses import loss_of
from models.names import TargetName
from models.processes import Processes, joined
from models.readout import membrane_drawn, membrane_probability
from models.start import first_network
from models.training_config import TrainingConfig, check_patch, check_target
from models.training_state import TrainingState, fresh_state, resume_state, save_state, state_is_of, update_average
from models.validation import Validator

CHECKPOINT = "checkpoint.safetensors"
UNFINISHED = "unfinished.safetensors"
LOGS = "tensorboard"
GRADIENT_NORM_MOST = 5.0
WARM_UP_SHARE = 0.1
DECIDES_NOTHING = {"checkpoint_every", "workers", "device", "processes"}
"""Settings on which the outcome does not depend."""


@dataclass(frozen=True)
class TrainingResult:
    """A finished training: its checkpoint file, that file's SHA-256 and the last loss (a running mean).

    `data_sha256` is the hash of what was learnt from and measured on: images, labels and where they count.
    """

    checkpoint: Path
    sha256: str
    steps: int
    loss: float
    data_sha256: str


def train(
    blocks: Sequence[TrainingBlock],
    config: TrainingConfig,
    *,
    out_dir: Path,
    start_from: Path | None = None,
    validation: Sequence[TrainingBlock] = (),
    progress: Progress = silent,
) -> TrainingResult:
    """Train a network, or go on with a training that was killed.

    Parameters
    ----------
    blocks : sequence of TrainingBlock
        What to learn from, of as many volumes as there are.
    config : TrainingConfig
        How.
    out_dir : Path
        Gets the checkpoint, TensorBoard's files and, until the training ends, its state. A finished training of the
        same settings, data and start is returned as it is; an unfinished one is continued to the same weights.
    start_from : Path, optional
        Checkpoint of the same architecture whose weights to begin with; a refiner also begins with its net A.
    validation : sequence of TrainingBlock
        What to measure on now and then. If there is any, the result is the best so measured, not the last.
    progress : Progress
        Hears of every update, with loss and samples per second.

    Raises
    ------
    InputError
        Unusable blocks, patch, batch or checkpoint; or `out_dir` holds an unfinished training of another kind.
    TrainingDiverged
        Loss or gradient became NaN or infinite; the last saved state stays in `out_dir`.

    Notes
    -----
    Under torchrun every process calls this with the same arguments and a folder that all see. Each takes its share of
    every batch and gradients are averaged, which gives the weights of one process with the whole batch, but for batch
    normalisation and Dice, which each process takes over its own share.
    """
    check_patch(config)
    check_target(config)
    sampler = _sampler(blocks, config)
    validator = Validator(validation, config) if validation else None
    if config.patience and validator is None:
        raise InputError(
            "training cannot stop early without sections to measure on",
            given=f"patience = {config.patience} and no validation sections",
            expected="validation sections, or patience = 0",
            fix="name validation sections, or set patience = 0 in the training settings",
        )
    data = _data_sha256([*blocks, *validation])
    parent = None if start_from is None else checkpoint_sha256(start_from)
    provenance: dict[str, JsonValue] = {
        "fingerprint": _fingerprint(config, parent, data),
        "data_sha256": data,
        "parent_sha256": parent,
        "settings": config.model_dump(mode="json", exclude=DECIDES_NOTHING),
    }
    with joined(config.device) as processes, freed_memory_kept(processes.device):
        course = _Course(config, sampler, validator, processes, out_dir / UNFINISHED, provenance)
        finished = _finished(out_dir / CHECKPOINT, course.fingerprint)
        if finished is None:
            return _train(course, out_dir / CHECKPOINT, start_from, progress)
        course.tidy()
        return finished


@dataclass(frozen=True)
class _Course:
    """What stays the same during a training."""

    config: TrainingConfig
    sampler: PatchSampler
    validator: Validator | None
    processes: Processes
    unfinished: Path
    provenance: Mapping[str, JsonValue]

    @property
    def fingerprint(self) -> str:
        """Names the training by everything that its outcome depends on."""
        return str(self.provenance["fingerprint"])

    def save(self, state: TrainingState) -> None:
        if self.processes.writes:
            save_state(self.unfinished, state, fingerprint=self.fingerprint)

    def tidy(self) -> None:
        """Remove the state that a kill between the last two steps of a training left beside its checkpoint."""
        if self.processes.writes and state_is_of(self.unfinished, self.fingerprint):
            self.unfinished.unlink()

    def shares(self, first_step: int) -> Iterator[range]:
        """Numbers of this process's samples for each update to come."""
        batch = self.config.batch
        for step in range(first_step, self.config.steps):
            yield self.processes.share(range(step * batch, (step + 1) * batch))


@dataclass(frozen=True)
class _Report:
    """Where the course of a training is told; nowhere by the processes beside the first."""

    writer: SummaryWriter | None
    progress: Progress

    def scalar(self, name: str, value: float, step: int) -> None:
        if self.writer is not None:
            self.writer.add_scalar(name, value, step)

    def pictures(self, name: str, batch: Batch, drawn: Tensor, *, target: TargetName, step: int) -> None:
        """Show the middle section of the first patch: EM, true membrane and predicted membrane side by side."""
        if self.writer is not None:
            middle = batch.target.shape[2] // 2
            context = (batch.image.shape[2] - batch.target.shape[2]) // 2
            true = membrane_drawn(batch.target[:1], target)[0, :, middle]
            seen = membrane_probability(drawn[:1].cpu().float(), target)[0, :, middle]
            strip = [batch.image[0, :, middle + context], true, seen]
            self.writer.add_image(f"{name}/EM, truth, prediction", torch.cat(strip, dim=2), step)


def _train(course: _Course, result: Path, start_from: Path | None, progress: Progress) -> TrainingResult:
    config, processes, begun = course.config, course.processes, course.unfinished.exists()
    state = fresh_state(first_network(config, start_from), config, device=processes.device)
    if begun:
        state = resume_state(course.unfinished, state, fingerprint=course.fingerprint)
    processes.wait()  # nobody writes before all have looked
    if not begun:
        course.save(state)
    peak = config.learning_rate if start_from is None else config.warm_learning_rate
    logs = SummaryWriter(log_dir=str(result.parent / LOGS), purge_step=state.step) if processes.writes else None
    with logs or nullcontext():
        _run(state, course, peak=peak, report=_Report(logs, progress if processes.writes else silent))
    if processes.writes:
        provenance = {**course.provenance, "steps": state.step, "loss": state.loss}
        if state.best is not None:
            provenance["validation_loss"] = state.best_loss
        save_checkpoint(result, Checkpoint(config.network, state.best or state.average, provenance))
        course.unfinished.unlink()
    processes.wait()
    data = str(course.provenance["data_sha256"])
    return TrainingResult(result, checkpoint_sha256(result), steps=state.step, loss=state.loss, data_sha256=data)


def _run(state: TrainingState, course: _Course, *, peak: float, report: _Report) -> None:
    config = course.config
    network = course.processes.together(state.network).train()
    begun, first = time.perf_counter(), state.step
    asked = begun
    with closing(batches(course.sampler, course.shares(first), workers=config.workers)) as prepared:
        for batch in prepared:
            given = time.perf_counter()
            if course.validator is not None and 0 < config.patience <= state.stale:
                break
            for group in state.optimiser.param_groups:
                group["lr"] = scheduled(state.step, config.steps, peak=peak)
            loss, drawn = _update(state, network, batch.to(course.processes.device), course)
            state.step += 1
            state.loss = loss if math.isnan(state.loss) else 0.95 * state.loss + 0.05 * loss
            update_average(state, config.average)
            report.scalar("training/loss", loss, state.step)
            _validate(state, course, report)
            if state.step % config.checkpoint_every == 0 and state.step < config.steps:
                course.save(state)
            if state.step % config.checkpoint_every == 0 or state.step == config.steps:
                report.pictures("training", batch, drawn, target=config.network.target, step=state.step)
            now = time.perf_counter()
            report.scalar("training/seconds", now - asked, state.step)
            report.scalar("training/seconds waiting for data", given - asked, state.step)
            asked, rate = now, (state.step - first) * config.batch / (now - begun)
            report.progress(state.step, config.steps, f"loss {state.loss:.3f}, {rate:.1f} samples/s")


def _validate(state: TrainingState, course: _Course, report: _Report) -> None:
    """Measure the running average of the weights when it is time to, and keep the best."""
    due = state.step % course.config.validate_every == 0 or state.step == course.config.steps
    if course.validator is None or not due:
        return
    processes = course.processes
    measured = course.validator.measure(state.network, state.average, processes)
    loss = processes.agreed(measured.loss)
    report.scalar("validation/loss", loss, state.step)
    target = course.config.network.target
    report.pictures("validation", measured.first, measured.drawn, target=target, step=state.step)
    if loss < state.best_loss:
        state.best = {name: tensor.clone() for name, tensor in state.average.items()}
        state.best_loss, state.stale = loss, 0
    else:
        state.stale += 1


def scheduled(step: int, steps: int, *, peak: float) -> float:
    """Give the learning rate of an update: a short linear rise to `peak`, then half a cosine down to a hundredth."""
    warm_up = max(1, round(WARM_UP_SHARE * steps))
    if step < warm_up:
        return peak * (step + 1) / warm_up
    fall = (step - warm_up) / max(1, steps - warm_up)
    return peak * (0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * fall)))


def _update(state: TrainingState, network: nn.Module, batch: Batch, course: _Course) -> tuple[float, Tensor]:
    state.optimiser.zero_grad(set_to_none=True)
    with course.processes.autocast():
        drawn = network(batch.image)
    target, name = course.config.network.target, course.config.loss
    loss = loss_of(drawn.float(), batch.target, batch.mask, target=target, name=name)
    loss.backward()  # type: ignore[no-untyped-call]
    norm = clip_grad_norm_(state.network.parameters(), GRADIENT_NORM_MOST)
    if not (torch.isfinite(loss) and torch.isfinite(norm)):
        raise TrainingDiverged(
            f"training diverged at step {state.step}: loss {float(loss.detach())}, gradient norm {float(norm)};"
            f" the last good state is kept in {course.unfinished}: lower the learning rate or check the images"
        )
    state.optimiser.step()
    return float(loss.detach()), drawn.detach()


def _sampler(blocks: Sequence[TrainingBlock], config: TrainingConfig) -> PatchSampler:
    return PatchSampler(
        blocks,
        PatchShape(config.patch_sections, config.patch_px, config.network.context_sections),
        target=config.target,
        augmentation=config.augmentation,
        seed=config.seed,
        foreground_rate=config.foreground_rate,
    )


def _fingerprint(config: TrainingConfig, parent_sha256: str | None, data_sha256: str) -> str:
    """Name a training by everything that its outcome depends on."""
    settings = config.model_dump_json(exclude=DECIDES_NOTHING)
    return hashlib.sha256(f"{settings} {parent_sha256} {data_sha256}".encode()).hexdigest()


def _data_sha256(blocks: Sequence[TrainingBlock]) -> str:
    digest = hashlib.sha256()
    for block in blocks:
        for array in (block.image, block.labels, block.annotated):
            digest.update(str(array.shape).encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _finished(path: Path, fingerprint: str) -> TrainingResult | None:
    if not path.exists():
        return None
    provenance = load_checkpoint(path).provenance
    if provenance.get("fingerprint") != fingerprint:
        return None
    steps, loss = int(str(provenance["steps"])), float(str(provenance["loss"]))
    data = str(provenance["data_sha256"])
    return TrainingResult(path, checkpoint_sha256(path), steps=steps, loss=loss, data_sha256=data)
