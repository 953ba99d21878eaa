"""`proofloop init`: check the input, freeze the hold-out, write the run in one go."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Literal

import numpy as np

from flows.config import AnnotationConfig, DataConfig, RankingConfig, RunConfig, write_config
from flows.runs import Run, open_run, sections_of
from loop.errors import InputError
from loop.events import RunCreated, SectionLabelled
from loop.holdout import freeze, refuse_leak
from loop.labels import write_section
from loop.ranking_words import DEFAULT_STRATEGY, StrategyName
from loop.run import RunFolder
from loop.section_range import format_sections, parse_sections
from loop.volume import Volume, open_image, open_labels, require_equal_shape
from models.names import ModelName
from models.training_config import training_preset

LARGEST_SECTION_PX = 1024
"""Larger sections are shown to annotators in tiles, unless the configuration is changed."""


def init_run(root: Path, config: RunConfig) -> Run:
    """Create a run; on any fault nothing is left behind.

    Parameters
    ----------
    root : Path
        Folder to create; it must not exist yet.
    config : RunConfig
        What to segment and how.

    Raises
    ------
    InputError
        If the folder exists, or the volume, the labels and the ranges of sections do not fit each other.
    """
    if root.exists():
        raise InputError(
            "run folder exists already",
            given=root,
            expected="a folder that does not exist yet",
            fix=f"choose another name, or go on with: proofloop iterate {root}",
        )
    image, labels = open_image(config.data.volume), open_labels(config.data.labels)
    require_equal_shape(image, labels)
    sections = sections_of(config, image)
    for name in ("train", "holdout"):
        _require_labelled(labels, name, sections[name])
    root.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{root.name}-", dir=root.parent))
    try:
        _write(RunFolder(draft), config, image, labels, sections)
        draft.chmod(0o755)
        os.rename(draft, root)  # noqa: PTH104  # refuses a folder that appeared meanwhile and is not empty
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return open_run(root)


def plan(
    data: DataConfig,
    *,
    annotator: Literal["oracle", "human"] = "human",
    preset: ModelName = "cpu",
    strategy: StrategyName = DEFAULT_STRATEGY,
) -> RunConfig:
    """Write down what a new run will do; a pool that is not given becomes all that train and hold-out leave."""
    image, truth = open_image(data.volume), open_labels(data.labels)
    named = {
        "volume": _absolute(image),
        "labels": _absolute(truth),
        "pool": data.pool or _rest(data, image.shape[0]),
        "voxel_size_nm_zyx": data.voxel_size_nm_zyx or image.voxel_size_nm_zyx,
    }
    return RunConfig(
        data=data.model_copy(update=named),
        training=training_preset(preset),
        ranking=RankingConfig(
            unit="section" if max(image.shape[1:]) <= LARGEST_SECTION_PX else "tile", strategy=strategy
        ),
        annotation=AnnotationConfig(annotator=annotator),
    )


def _rest(data: DataConfig, n_sections: int) -> str:
    ranges = {"train": data.train, "holdout": data.holdout}
    taken = {z for name, text in ranges.items() for z in parse_sections(text, name=name, n_sections=n_sections)}
    if len(taken) == n_sections:
        raise InputError(
            "no section is left for the pool",
            given=f"train {data.train} and holdout {data.holdout} take all {n_sections} sections",
            expected="at least one section for annotators",
            fix="shorten --train or --holdout",
        )
    return format_sections(z for z in range(n_sections) if z not in taken)


def _absolute(volume: Volume) -> str:
    path, separator, dataset = volume.spec.rpartition(":")
    if Path(volume.spec).exists():  # formats without datasets
        return str(Path(volume.spec).resolve())
    return f"{Path(path).resolve()}{separator}{dataset}"


def _write(
    folder: RunFolder, config: RunConfig, image: Volume, labels: Volume, sections: dict[str, tuple[int, ...]]
) -> None:
    write_config(folder.config, config)
    created = RunCreated(
        holdout_images=freeze(image, sections["holdout"]), holdout_labels=freeze(labels, sections["holdout"])
    )
    folder.ledger.append(created)
    for z in sections["train"]:
        refuse_leak(image.sections(z, z + 1), created.holdout_images)
        path, digest = write_section(folder.labels, z, labels.section(z))
        folder.ledger.append(SectionLabelled(section=z, file=path.name, sha256=digest, correction=None))


def _require_labelled(labels: Volume, name: str, sections: tuple[int, ...]) -> None:
    empty = [z for z in sections if not np.any(labels.section(z))]
    if empty:
        raise InputError(
            f"some {name} sections hold no label",
            given=f"{labels.spec} is 0 everywhere in sections {format_sections(empty)}",
            expected="at least one object in every section",
            fix=f"label these sections, or leave them out of --{name}",
        )
