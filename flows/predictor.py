"""A model as `--model` names it: a checkpoint, or a run's promoted one."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from flows.config import config_error, read_config
from flows.predicted import promoted_model
from flows.predicting import Predictor
from loop.errors import InputError
from loop.run import RunFolder
from models.checkpoint import load_checkpoint
from models.prediction_config import PredictionConfig
from models.processes import device_called
from tracing.seeding import SeedingConfig


def predictor_of(model: Path, choices: Mapping[str, object], *, labels: bool = False) -> Predictor:
    """Find a model and settle how it predicts.

    Parameters
    ----------
    model : Path
        A checkpoint; or a run, whose promoted model and settings are taken.
    choices : mapping
        Fields of `PredictionConfig` to set; None leaves what the run says, or the default.
    labels : bool
        Whether each section is to be segmented too.

    Raises
    ------
    InputError
        If there is no such checkpoint or run, the run has promoted no model yet, or a choice is impossible.
    """
    checkpoint, prediction, seeding = model, PredictionConfig(), SeedingConfig()
    if model.is_dir():
        folder = _run(model)
        config = read_config(folder.config)
        checkpoint, prediction, seeding = _promoted(folder), config.prediction, config.seeding
    load_checkpoint(checkpoint)  # what is damaged or absent is told of before anything is written
    chosen = {name: value for name, value in choices.items() if value is not None}
    try:
        settings = PredictionConfig.model_validate(prediction.model_dump() | chosen)
    except ValidationError as error:
        raise config_error("of the prediction", error) from error
    device_called(settings.device)
    return Predictor(checkpoint, settings, seeding if labels else None)


def _run(root: Path) -> RunFolder:
    folder = RunFolder(root)
    if not folder.config.exists():
        raise InputError(
            "there is no model here",
            given=root,
            expected="a checkpoint (.safetensors), or a folder made by proofloop init",
            fix=f"give a checkpoint, for instance {root}/iterations/001/checkpoint.safetensors",
        )
    return folder


def _promoted(folder: RunFolder) -> Path:
    promoted = promoted_model(folder)
    if promoted is None:
        raise InputError(
            "the run has promoted no model yet",
            given=folder.root,
            expected="a run after its first turn, or a checkpoint",
            fix=f"run: proofloop iterate {folder.root}; or give a file in {folder.root}/iterations",
        )
    return folder.root / promoted.checkpoint
