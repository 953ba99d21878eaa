"""`proofloop init`: check the input, freeze the hold-out, write the run in one go."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Literal

import numpy as np

from flows.config import AnnotationConfig, DataConfig, RunConfig, write_config
from flows.runs import Run, open_run, sections_of
from loop.errors import InputError
from loop.events import RunCreated, SectionLabelled
from loop.holdout import freeze, refuse_leak
from loop.labels import write_section
from loop.run import RunFolder
from loop.section_range import format_sections, parse_sections
from loop.volume import Volume, open_image, open_labels


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
    _require_same_shape(image, labels)
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
    volume: str,
    labels: str,
    *,
    train: str,
    pool: str | None,
    holdout: str,
    annotator: Literal["oracle", "human"],
) -> RunConfig:
    """Write down what a new run will do; the pool is all that train and hold-out leave unless it is given."""
    image, truth = open_image(volume), open_labels(labels)
    if pool is None:
        taken = {
            z
            for name, text in (("train", train), ("holdout", holdout))
            for z in parse_sections(text, name=name, n_sections=image.shape[0])
        }
        pool = format_sections(z for z in range(image.shape[0]) if z not in taken)
    if not pool:
        raise InputError(
            "no section is left for the pool",
            given=f"train {train} and holdout {holdout} take all {image.shape[0]} sections",
            expected="at least one section for annotators",
            fix="shorten --train or --holdout",
        )
    return RunConfig(
        data=DataConfig(volume=_absolute(image), labels=_absolute(truth), train=train, pool=pool, holdout=holdout),
        annotation=AnnotationConfig(annotator=annotator),
    )


def _absolute(volume: Volume) -> str:
    path, dataset = volume.spec.rsplit(":", 1)
    return f"{Path(path).resolve()}:{dataset}"


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


def _require_same_shape(image: Volume, labels: Volume) -> None:
    if image.shape != labels.shape:
        raise InputError(
            "image and labels differ in shape",
            given=f"{image.spec} {image.shape} and {labels.spec} {labels.shape}",
            expected="the same (z, y, x)",
            fix="crop or pad one of them to the other's voxels",
        )


def _require_labelled(labels: Volume, name: str, sections: tuple[int, ...]) -> None:
    empty = [z for z in sections if not np.any(labels.section(z))]
    if empty:
        raise InputError(
            f"some {name} sections hold no label",
            given=f"{labels.spec} is 0 everywhere in sections {format_sections(empty)}",
            expected="at least one object in every section",
            fix=f"label these sections, or leave them out of --{name}",
        )
