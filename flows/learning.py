"""The machine's half of an iteration: train, predict, evaluate, gate."""

import hashlib
import time

from flows.drifting import pool_drift
from flows.evaluation import agreement_of_membrane
from flows.predicted import prediction_store as prediction_store
from flows.predicted import promoted_model as promoted_model
from flows.predicted import truth_of_holdout
from flows.predicting import Predictor, predict_into
from flows.runs import Run
from flows.training_set import training_blocks, validation_blocks, validation_sections
from loop import promotion
from loop.atomic import write_text
from loop.code_version import code_version
from loop.errors import InputError
from loop.events import Evaluated, Gated, Origin, Predicted, RolledBack, Trained, TrainingBegun
from loop.gate import decide
from loop.iteration import Stage, require
from loop.metrics import mean_agreement
from loop.predictions import PredictionStore
from loop.progress import Progress, silent
from loop.promotion import best_promoted, rolled_back
from loop.training_labels import labels_of_sections, labels_sha256, seen_in_training
from models.checkpoint import checkpoint_sha256, load_checkpoint
from models.launch import launch, processes_wanted
from models.scalars import write_scalars
from models.training import CHECKPOINT, UNFINISHED, TrainingResult, train


def train_model(run: Run, progress: Progress = silent) -> None:
    """Train on every labelled section, going on from the promoted model; in several processes where it pays."""
    iteration = require(run.ledger, Stage.TRAIN)
    began = time.monotonic()
    _begin(run, iteration)
    together = processes_wanted(run.config.training)
    if together > 1:
        launch("flows.training_process", [str(run.folder.root)], count=together, progress=progress)
    # finds the training finished if others did it
    result = learn(run, iteration, progress)
    seen = seen_in_training(run.ledger, iteration)
    labelled, parent = seen.trainable(), promotion.promoted_model(seen)
    sections = sorted(set(labelled) - validation_sections(run))
    run.ledger.append(
        Trained(
            iteration=iteration,
            checkpoint=run.folder.relative(result.checkpoint),
            sha256=result.sha256,
            sections=sections,
            final_loss=result.loss,
            seconds=time.monotonic() - began,
            origin=Origin(
                labels_sha256=labels_sha256(labels_of_sections(run.folder, labelled, sections)),
                data_sha256=result.data_sha256,
                config_sha256=_keep_config(run, iteration),
                code=code_version(),
                parent=parent.iteration if parent else None,
            ),
        )
    )


def _begin(run: Run, iteration: int) -> None:
    """Settle what is learnt from, unless a training that was interrupted goes on."""
    begun = any(event.iteration == iteration for event in run.ledger.of_kind(TrainingBegun))
    started = any((run.folder.iteration(iteration) / name).exists() for name in (UNFINISHED, CHECKPOINT))
    if not (begun and started):
        run.ledger.append(TrainingBegun(iteration=iteration))


def _keep_config(run: Run, iteration: int) -> str:
    """Copy the configuration beside the checkpoint, and give its hash."""
    text = run.folder.config.read_text(encoding="utf-8")
    write_text(run.folder.iteration(iteration) / run.folder.config.name, text)
    return hashlib.sha256(text.encode()).hexdigest()


def learn(run: Run, iteration: int, progress: Progress) -> TrainingResult:
    """Train the model of an iteration, in this process or together with others that torch's launcher started."""
    seen = seen_in_training(run.ledger, iteration)
    labelled, promoted = seen.trainable(), promotion.promoted_model(seen)
    return train(
        training_blocks(run, labelled),
        run.config.training.model_copy(update={"seed": run.config.training.seed + iteration - 1}),
        out_dir=run.folder.iteration(iteration),
        start_from=run.folder.root / promoted.checkpoint if promoted else None,
        validation=validation_blocks(run, labelled),
        progress=progress,
    )


def predict_sections(run: Run, progress: Progress = silent) -> None:
    """Predict the pool and the hold-out block by block, going on after the blocks that are there."""
    iteration = require(run.ledger, Stage.PREDICT)
    began = time.monotonic()
    trained = run.ledger.finished(Trained, iteration)
    sections = sorted([*run.sections["pool"], *run.sections["holdout"]])
    store = PredictionStore.create(
        run.folder.iteration(iteration) / "prediction.zarr",
        shape=run.image.shape,
        voxel_size_nm_zyx=run.config.data.voxel_size_nm_zyx,
    )
    predictor = Predictor(run.folder.root / trained.checkpoint, run.config.prediction)
    predict_into(store, predictor, run.image, sections=sections, progress=progress)
    run.ledger.append(
        Predicted(
            iteration=iteration,
            store=run.folder.relative(store.path),
            sections=sections,
            seconds=time.monotonic() - began,
        )
    )


def evaluate_model(run: Run, progress: Progress = silent) -> None:
    """Measure the new model on the frozen hold-out, section by section."""
    iteration = require(run.ledger, Stage.EVALUATE)
    store = prediction_store(run, iteration)
    holdout = run.sections["holdout"]
    sections = {}
    for done, z in enumerate(holdout, start=1):
        sections[z] = agreement_of_membrane(store.membrane(z), truth_of_holdout(run, z), run.config.seeding)
        progress(done, len(holdout), f"section {z}: VOI {sections[z].voi:.3f} bits")
    mean = mean_agreement(list(sections.values()))
    values = {f"holdout/{name}": value for name, value in mean.model_dump().items()}
    write_scalars(run.folder.tensorboard, step=iteration, values=values)
    run.ledger.append(Evaluated(iteration=iteration, mean=mean, sections=sections))


def gate_model(run: Run) -> Gated:
    """Promote the new model unless the hold-out says that it is worse; look whether the pool has drifted."""
    iteration = require(run.ledger, Stage.GATE)
    candidate, best = run.ledger.finished(Evaluated, iteration), best_promoted(run.ledger)
    decision = decide(candidate.sections, (best.iteration, best.sections) if best else None, run.config.gate)
    gated = Gated(iteration=iteration, decision=decision, drift=pool_drift(run, prediction_store(run, iteration)))
    run.ledger.append(gated)
    return gated


def roll_back(run: Run, *, to: int | None = None) -> RolledBack:
    """Make an earlier model the promoted one again; everything that asks for a model gets it from here on.

    Raises
    ------
    InputError
        If there is no such model, its checkpoint is gone or damaged, or its predictions are gone.
    """
    event = rolled_back(run.ledger, to=to)
    trained = run.ledger.finished(Trained, event.iteration)
    checkpoint = run.folder.root / trained.checkpoint
    load_checkpoint(checkpoint)
    if checkpoint_sha256(checkpoint) != trained.sha256:
        raise InputError(
            f"the model of iteration {event.iteration} was changed since it was trained",
            given=f"{checkpoint} with hash {checkpoint_sha256(checkpoint)[:12]}",
            expected=f"hash {trained.sha256[:12]}",
            fix="restore the file from a backup, or roll back to another iteration",
        )
    store = prediction_store(run, event.iteration)
    if not store.path.exists() or store.missing(run.sections["pool"]):
        raise InputError(
            f"what the model of iteration {event.iteration} predicted is gone",
            given=f"{store.path} without sections of the pool",
            expected="the predictions from which sections are ranked and contours drawn",
            fix="restore the folder from a backup, or roll back to another iteration",
        )
    run.ledger.append(event)
    return event
