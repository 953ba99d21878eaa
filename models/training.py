"""Training a network on annotated sections, from nothing or from an earlier checkpoint."""

import hashlib
import math
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from pydantic import JsonValue
from torch import Tensor
from torch.nn.utils import clip_grad_norm_
from torch.utils.tensorboard import SummaryWriter

from loop.errors import TrainingDiverged
from loop.progress import Progress, silent
from models.checkpoint import Checkpoint, checkpoint_sha256, load_checkpoint, load_network, save_checkpoint
from models.dataset import PatchSampler, PatchShape, TrainingBlock
from models.losses import membrane_loss
from models.refiner import Refiner, RefinerConfig
from models.registry import Network, build
from models.training_config import TrainingConfig, check_patch
from models.training_state import TrainingState, fresh_state, resume_state, save_state, update_average
from models.unet3d import UNet3d

CHECKPOINT = "checkpoint.safetensors"
UNFINISHED = "unfinished.safetensors"
LOGS = "tensorboard"
GRADIENT_NORM_MOST = 5.0
WARM_UP_SHARE = 0.1


@dataclass(frozen=True)
class TrainingResult:
    """A finished training: its checkpoint file, that file's SHA-256 and the last loss (a running mean)."""

    checkpoint: Path
    sha256: str
    steps: int
    loss: float


@dataclass(frozen=True)
class _Batch:
    image: Tensor
    membrane: Tensor
    mask: Tensor


def train(
    blocks: Sequence[TrainingBlock],
    config: TrainingConfig,
    *,
    out_dir: Path,
    start_from: Path | None = None,
    progress: Progress = silent,
) -> TrainingResult:
    """Train a network, or go on with a training that was killed.

    Parameters
    ----------
    blocks : sequence of TrainingBlock
        What to learn from.
    config : TrainingConfig
        How.
    out_dir : Path
        Gets the checkpoint, TensorBoard's files and, until the training ends, its state. A finished training of the
        same settings, data and start is returned as it is; an unfinished one is continued to the same weights.
    start_from : Path, optional
        Checkpoint of the same architecture whose weights to begin with; a refiner also begins with its net A.
    progress : Progress
        Hears of every update, with loss and samples per second.

    Raises
    ------
    InputError
        Unusable blocks, patch or checkpoint; or `out_dir` holds an unfinished training of another kind.
    TrainingDiverged
        Loss or gradient became NaN or infinite; the last saved state stays in `out_dir`.
    """
    check_patch(config)
    shape = PatchShape(config.patch_sections, config.patch_px, config.network.context_sections)
    sampler = PatchSampler(
        blocks, shape, border_px=config.border_px, augmentation=config.augmentation, seed=config.seed
    )
    fingerprint = _fingerprint(blocks, config, start_from)
    finished = _finished(out_dir / CHECKPOINT, fingerprint)
    if finished is not None:
        return finished
    state = fresh_state(_first_network(config, start_from), config)
    unfinished = out_dir / UNFINISHED
    if unfinished.exists():
        state = resume_state(unfinished, state, fingerprint=fingerprint)
    else:
        save_state(unfinished, state, fingerprint=fingerprint)
    peak = config.learning_rate if start_from is None else config.warm_learning_rate
    with SummaryWriter(log_dir=str(out_dir / LOGS), purge_step=state.step) as writer:
        _run(state, sampler, config, peak=peak, save_as=(unfinished, fingerprint), report=_Report(writer, progress))
    provenance: dict[str, JsonValue] = {"fingerprint": fingerprint, "steps": state.step, "loss": state.loss}
    result = Checkpoint(network=config.network, tensors=state.average, provenance=provenance)
    sha256 = save_checkpoint(out_dir / CHECKPOINT, result)
    unfinished.unlink()
    return TrainingResult(checkpoint=out_dir / CHECKPOINT, sha256=sha256, steps=state.step, loss=state.loss)


@dataclass(frozen=True)
class _Report:
    """Where the course of a training is told."""

    writer: SummaryWriter
    progress: Progress


def _run(
    state: TrainingState,
    sampler: PatchSampler,
    config: TrainingConfig,
    *,
    peak: float,
    save_as: tuple[Path, str],
    report: _Report,
) -> None:
    state.network.train()
    path, fingerprint = save_as
    begun, first = time.perf_counter(), state.step
    for batch in _batches(sampler, config, first_step=state.step):
        for group in state.optimiser.param_groups:
            group["lr"] = scheduled(state.step, config.steps, peak=peak)
        loss, logits = _update(state, batch, config, kept=path)
        state.step += 1
        state.loss = loss if math.isnan(state.loss) else 0.95 * state.loss + 0.05 * loss
        update_average(state, config.average)
        report.writer.add_scalar("training/loss", loss, state.step)
        if state.step % config.checkpoint_every == 0 and state.step < config.steps:
            save_state(path, state, fingerprint=fingerprint)
        if state.step % config.checkpoint_every == 0 or state.step == config.steps:
            _add_pictures(report.writer, batch, logits, state.step)
        rate = (state.step - first) * config.batch / (time.perf_counter() - begun)
        report.progress(state.step, config.steps, f"loss {state.loss:.3f}, {rate:.1f} samples/s")


def scheduled(step: int, steps: int, *, peak: float) -> float:
    """Give the learning rate of an update: a short linear rise to `peak`, then half a cosine down to a hundredth."""
    warm_up = max(1, round(WARM_UP_SHARE * steps))
    if step < warm_up:
        return peak * (step + 1) / warm_up
    fall = (step - warm_up) / max(1, steps - warm_up)
    return peak * (0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * fall)))


def _update(state: TrainingState, batch: _Batch, config: TrainingConfig, *, kept: Path) -> tuple[float, Tensor]:
    state.optimiser.zero_grad(set_to_none=True)
    logits = state.network(batch.image)
    loss = membrane_loss(logits, batch.membrane, batch.mask, name=config.loss)
    loss.backward()  # type: ignore[no-untyped-call]
    norm = clip_grad_norm_(state.network.parameters(), GRADIENT_NORM_MOST)
    if not (torch.isfinite(loss) and torch.isfinite(norm)):
        raise TrainingDiverged(
            f"training diverged at step {state.step}: loss {float(loss.detach())}, gradient norm {float(norm)};"
            f" the last good state is kept in {kept}: lower the learning rate or check the images"
        )
    state.optimiser.step()
    return float(loss.detach()), logits.detach()


def _batches(sampler: PatchSampler, config: TrainingConfig, *, first_step: int) -> Iterator[_Batch]:
    """Prepare batches ahead of the training, in order."""
    waiting: list[Future[_Batch]] = []
    with ThreadPoolExecutor(config.workers, thread_name_prefix="patches") as pool:
        try:
            for step in range(first_step, config.steps + config.workers + 1):
                if step < config.steps:
                    waiting.append(pool.submit(_batch, sampler, step * config.batch, config.batch))
                if step > first_step + config.workers and waiting:
                    yield waiting.pop(0).result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _batch(sampler: PatchSampler, first: int, size: int) -> _Batch:
    samples = [sampler.sample(number) for number in range(first, first + size)]
    return _Batch(
        image=torch.from_numpy(np.stack([sample.image for sample in samples]))[:, None],
        membrane=torch.from_numpy(np.stack([sample.membrane for sample in samples]))[:, None],
        mask=torch.from_numpy(np.stack([sample.mask for sample in samples]))[:, None],
    )


def _first_network(config: TrainingConfig, start_from: Path | None) -> Network:
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        if start_from is None:
            return build(config.network)
        if isinstance(config.network, RefinerConfig):
            started = load_network(start_from)
            if isinstance(started, UNet3d) and started.config == config.network.embedding:
                return Refiner(started)
        return load_network(start_from, expected=config.network)


def _fingerprint(blocks: Sequence[TrainingBlock], config: TrainingConfig, start_from: Path | None) -> str:
    """Name a training by everything that its outcome depends on."""
    digest = hashlib.sha256(config.model_dump_json(exclude={"checkpoint_every", "workers"}).encode())
    if start_from is not None:
        digest.update(checkpoint_sha256(start_from).encode())
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
    return TrainingResult(checkpoint=path, sha256=checkpoint_sha256(path), steps=steps, loss=loss)


def _add_pictures(writer: SummaryWriter, batch: _Batch, logits: Tensor, step: int) -> None:
    """Show the middle section of the first patch: EM, truth and prediction side by side."""
    middle = batch.membrane.shape[2] // 2
    context = (batch.image.shape[2] - batch.membrane.shape[2]) // 2
    strip = [batch.image[0, :, middle + context], batch.membrane[0, :, middle], logits[0, :, middle].sigmoid()]
    writer.add_image("training/EM, truth, prediction", torch.cat(strip, dim=2), step)
