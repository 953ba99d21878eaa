"""The machine's half of an iteration: train, predict, evaluate, gate."""

import time

import numpy as np
from numpy.typing import NDArray

from flows.evaluation import agreement_of_membrane
from flows.predicting import Predictor, predict_into
from flows.runs import Run
from flows.training_set import training_blocks, validation_blocks, validation_sections
from loop.events import Evaluated, Gated, Predicted, Trained
from loop.gate import decide
from loop.holdout import frozen_section
from loop.iteration import Stage, require
from loop.metrics import mean_agreement
from loop.predictions import PredictionStore
from loop.progress import Progress, silent
from loop.run import RunFolder
from models.launch import launch, processes_wanted
from models.scalars import write_scalars
from models.training import TrainingResult, train


def train_model(run: Run, progress: Progress = silent) -> None:
    """Train on every labelled section, going on from the promoted model; in several processes where it pays."""
    iteration = require(run.ledger, Stage.TRAIN)
    began = time.monotonic()
    together = processes_wanted(run.config.training)
    if together > 1:
        launch("flows.training_process", [str(run.folder.root)], count=together, progress=progress)
    # finds the training finished if others did it
    result = learn(run, iteration, progress)
    run.ledger.append(
        Trained(
            iteration=iteration,
            checkpoint=run.folder.relative(result.checkpoint),
            sha256=result.sha256,
            sections=sorted(set(run.ledger.trainable()) - validation_sections(run)),
            final_loss=result.loss,
            seconds=time.monotonic() - began,
        )
    )


def learn(run: Run, iteration: int, progress: Progress) -> TrainingResult:
    """Train the model of an iteration, in this process or together with others that torch's launcher started."""
    promoted = promoted_model(run)
    return train(
        training_blocks(run),
        run.config.training.model_copy(update={"seed": run.config.training.seed + iteration - 1}),
        out_dir=run.folder.iteration(iteration),
        start_from=run.folder.root / promoted.checkpoint if promoted else None,
        validation=validation_blocks(run),
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
        progress(done, len(holdout), f"VOI {sections[z].voi:.3f} bits")
    mean = mean_agreement(list(sections.values()))
    values = {f"holdout/{name}": value for name, value in mean.model_dump().items()}
    write_scalars(run.folder.tensorboard, step=iteration, values=values)
    run.ledger.append(Evaluated(iteration=iteration, mean=mean, sections=sections))


def gate_model(run: Run) -> None:
    """Promote the new model if the hold-out says that it is better than the promoted one."""
    iteration = require(run.ledger, Stage.GATE)
    promoted = promoted_model(run)
    candidate = run.ledger.finished(Evaluated, iteration)
    incumbent = run.ledger.stage(Evaluated, promoted.iteration) if promoted else None
    decision = decide(candidate.mean, incumbent.mean if incumbent else None)
    run.ledger.append(Gated(iteration=iteration, decision=decision))


def promoted_model(run: Run | RunFolder) -> Trained | None:
    """Find the training that made the promoted model, None before the first."""
    gated = [e for e in run.ledger.events() if isinstance(e, Gated) and e.decision.promoted]
    return run.ledger.stage(Trained, gated[-1].iteration) if gated else None


def prediction_store(run: Run, iteration: int) -> PredictionStore:
    """Open the predictions of an iteration."""
    predicted = run.ledger.finished(Predicted, iteration)
    return PredictionStore(run.folder.root / predicted.store)


def truth_of_holdout(run: Run, z: int) -> NDArray[np.uint32]:
    """Read the frozen truth of hold-out section `z`."""
    return frozen_section(run.labels, z, run.ledger.created().holdout_labels)
