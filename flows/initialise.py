"""`proofloop init`: check the input, freeze the hold-out, write the run in one go."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Literal

from flows.config import AnnotationConfig, DataConfig, RankingConfig, RunConfig, write_config
from flows.given_labels import GivenLabels
from flows.runs import Run, open_run, sections_of
from loop.answer_events import SectionLabelled
from loop.errors import InputError
from loop.events import RunCreated
from loop.holdout import freeze, refuse_leak, within
from loop.labels import write_section
from loop.ranking_words import DEFAULT_STRATEGY, StrategyName
from loop.run import RunFolder
from loop.section_range import format_sections, parse_sections
from loop.volume import Volume, open_image, open_labels, open_volume, require_equal_shape
from models.names import ModelName
from models.training_config import fitted, training_preset

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
    _require_gap(sections, config.data.holdout_gap)
    given = GivenLabels.of(config.data, labels)
    _require_labelled(given, sections)
    root.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{root.name}-", dir=root.parent))
    try:
        _write(RunFolder(draft), config, image, given, sections)
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
    """Write down what a new run will do.

    A pool that is not given becomes all that train and hold-out leave; patches are no larger than the sections.
    """
    image, truth = open_image(data.volume), open_labels(data.labels)
    named = {
        "volume": _absolute(image),
        "labels": _absolute(truth),
        "annotated": _absolute(open_volume(data.annotated)) if data.annotated else "",
        "pool": data.pool or _rest(data, image.shape[0]),
        "voxel_size_nm_zyx": data.voxel_size_nm_zyx or image.voxel_size_nm_zyx,
    }
    return RunConfig(
        data=data.model_copy(update=named),
        training=fitted(training_preset(preset), image.shape[1:]),
        ranking=RankingConfig(
            unit="section" if max(image.shape[1:]) <= LARGEST_SECTION_PX else "tile", strategy=strategy
        ),
        annotation=AnnotationConfig(annotator=annotator),
    )


def _rest(data: DataConfig, n_sections: int) -> str:
    ranges = {"train": data.train, "holdout": data.holdout}
    chosen = {name: parse_sections(text, name=name, n_sections=n_sections) for name, text in ranges.items()}
    taken = {*chosen["train"], *within(chosen["holdout"], data.holdout_gap)}
    left = [z for z in range(n_sections) if z not in taken]
    if not left:
        raise InputError(
            "no section is left for the pool",
            given=f"train {data.train} and holdout {data.holdout} with a gap of {data.holdout_gap} take all"
            f" {n_sections} sections",
            expected="at least one section for annotators",
            fix="shorten --train or --holdout",
        )
    return format_sections(left)


def _absolute(volume: Volume) -> str:
    path, separator, dataset = volume.spec.rpartition(":")
    if Path(volume.spec).exists():  # formats without datasets
        return str(Path(volume.spec).resolve())
    return f"{Path(path).resolve()}{separator}{dataset}"


def _write(
    folder: RunFolder, config: RunConfig, image: Volume, given: GivenLabels, sections: dict[str, tuple[int, ...]]
) -> None:
    write_config(folder.config, config)
    created = RunCreated(
        holdout_images=freeze(image, sections["holdout"]),
        holdout_labels=freeze(given.labels, sections["holdout"]),
        holdout_gap=config.data.holdout_gap,
    )
    folder.ledger.append(created)
    for z in sections["train"]:
        refuse_leak(image.sections(z, z + 1), created.holdout_images)
        labels, counted = given.section(z)
        path, digest = write_section(folder.labels, z, labels, counted=counted)
        folder.ledger.append(SectionLabelled(section=z, file=path.name, sha256=digest, correction=None))


def _require_gap(sections: dict[str, tuple[int, ...]], gap: int) -> None:
    near = within(sections["holdout"], gap)
    for name in ("train", "pool"):
        too_near = sorted(near & set(sections[name]))
        if too_near:
            raise InputError(
                f"{name} comes too near to the hold-out",
                given=f"sections {format_sections(too_near)} with a gap of {gap}",
                expected=f"more than {gap} sections between {name} and the hold-out",
                fix=f"leave them out of --{name}, or give a smaller --holdout-gap",
            )


def _require_labelled(given: GivenLabels, sections: dict[str, tuple[int, ...]]) -> None:
    for name in ("train", "holdout"):
        empty = [z for z in sections[name] if not given.any_object(z)]
        if empty:
            raise InputError(
                f"some {name} sections hold no label",
                given=f"{given.labels.spec} has no object in sections {format_sections(empty)}",
                expected="at least one object in every section",
                fix=f"label these sections, or leave them out of --{name}",
            )
    partly = [z for z in sections["holdout"] if not given.section(z)[1].all()]
    if partly:
        raise InputError(
            "some hold-out sections are labelled in part",
            given=f"sections {format_sections(partly)}",
            expected="hold-out sections of which every voxel is labelled, since they measure",
            fix="label the rest of them, or choose others for --holdout",
        )
