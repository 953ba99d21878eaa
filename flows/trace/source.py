"""Where a trace takes its image, its membrane and its settings from: a run, or a volume with a model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flows.config import RunConfig, TracingConfig, read_config
from flows.predictor import predictor_of
from flows.segment import segment
from flows.trace.job import TraceInputs, TraceSettings
from flows.workers import Workers
from loop.cache import cache_folder
from loop.errors import InputError
from loop.progress import Progress
from loop.run import RunFolder


def predicted_membrane(
    source: str,
    out: Path,
    *,
    model: Path | None,
    sections: str,
    workers: Workers | None = None,
    progress: Progress,
) -> str:
    """Predict the membrane of what is traced into `OUT.membrane.zarr` beside `out`, where it stays.

    Parameters
    ----------
    source : str
        A run, or an image `path[:dataset]`.
    out : Path
        What the trace writes.
    model : Path, optional
        A checkpoint or a run; by default the run that is traced.
    sections : str
        `start:stop`; all where it is empty.
    workers : Workers, optional
        Who predicts; by default this process alone.
    progress : Progress
        Hears of the sections predicted; those that are there already are taken as they are.

    Raises
    ------
    InputError
        If nobody says which model, or it cannot predict the image.
    """
    config = _config(source)
    predicting = model or (Path(source) if config else None)
    if predicting is None:
        raise InputError(
            "nobody says what predicts the membrane",
            given=source,
            expected="a run; or a volume with --model or --membrane",
            fix="add --model with a checkpoint or a run, or --membrane with a membrane that proofloop segment wrote",
        )
    predicted, image = out.with_suffix(".membrane.zarr"), config.data.volume if config else source
    predictor = predictor_of(predicting, {})
    segment(image, predictor, predicted, sections=sections, workers=workers, progress=progress)
    return f"{predicted}:membrane"


def traced(source: str, membrane: str, options: Mapping[str, Any]) -> TraceInputs:
    """Give what is to be traced: a run's volume or an image, its membrane, and other fields of `TraceInputs`."""
    config = _config(source)
    if config is None:
        return TraceInputs(image=source, membrane=membrane, **options)
    size = options["voxel_size_nm_zyx"] or config.data.voxel_size_nm_zyx
    return TraceInputs(image=config.data.volume, membrane=membrane, **{**options, "voxel_size_nm_zyx": size})


def settings_of(source: str, model: Path | None, cache: Path | None) -> TraceSettings:
    """Give the settings of the run that is traced, else of the run whose model it is, else the defaults."""
    config = _config(source) or (_config(str(model)) if model else None)
    folder = cache or cache_folder() / "registration"
    return TraceSettings(config.tracing if config else TracingConfig(), folder)


def _config(source: str) -> RunConfig | None:
    path = RunFolder(Path(source)).config
    return read_config(path) if path.exists() else None
