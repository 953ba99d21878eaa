"""Blame: who labelled a voxel, when, over which model's contours, and which models learnt from it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from loop.answer_events import ConsensusReached, SectionLabelled
from loop.errors import InputError
from loop.events import Trained
from loop.labels import LabelledSection
from loop.ledger import Ledger
from loop.run import RunFolder
from loop.training_labels import labels_of_section, seen_in_training

_CONFIG = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Version(BaseModel):
    """One version of the labels of a place, and what became of it."""

    model_config = _CONFIG

    place: str
    """The section, or the tile of it, as `51` or `51[256:512,0:256]`."""
    annotator: str | None
    """E-mail address of the person, or of the oracle; None for labels given when the run was made."""
    at: datetime
    """When it was submitted; when the run was made for labels given then."""
    iteration: int | None
    """Iteration that asked for it."""
    task_id: int | None
    """Label Studio's task."""
    annotation_id: int | None
    """Label Studio's annotation."""
    over_model: int | None
    """Iteration of the model whose contours were shown; None where none were, or it is not known."""
    file: str
    """Labels file, relative to the run's labels folder."""
    sha256: str
    """Hash of its labels."""
    consensus_of: list[str] = []
    """Labels files of the annotations of which it is the consensus, if it is one."""
    counts: bool
    """Whether a model that is trained now would learn it here."""
    learnt_by: list[int]
    """Iterations whose models learnt it here."""


class Blame(BaseModel):
    """What is known of a voxel, or of a section."""

    model_config = _CONFIG

    section: int
    """Index z in the volume."""
    voxel: tuple[int, int] | None
    """Row and column; None where the whole section was asked for."""
    label: int | None
    """The voxel's label as it is learnt from, 0 = membrane; None where nothing is, or for a section."""
    state: Literal["labelled", "labelled, does not count", "hold-out", "not labelled"]
    """`does not count` is where the annotator was unsure, at a tile's edge, or in a section found unfit."""
    versions: list[Version]
    """Every version of its labels that there was, the newest first."""
    shares: dict[str, float] = {}
    """Of a section: the share of its pixels that each labels file gives to training."""


def blame_voxel(folder: RunFolder, z: int, y: int, x: int) -> Blame:
    """Tell where the label of voxel `(z, y, x)` came from.

    Raises
    ------
    InputError
        If the voxel lies outside of its section.
    """
    ledger = folder.ledger
    layers = ledger.trainable().get(z, [])
    label, counted = None, False
    if layers:
        section = labels_of_section(folder, layers)
        _require_inside(section, y, x)
        counted = bool(section.counted[y, x])
        label = int(section.labels[y, x]) if _layer_at(layers, (y, x)) else None
    state = _state(ledger, z, counted=counted, labelled=label is not None)
    return Blame(section=z, voxel=(y, x), label=label, state=state, versions=_versions(ledger, z, (y, x)))


def blame_section(folder: RunFolder, z: int) -> Blame:
    """Tell where the labels of section `z` came from, and how much of it each gave."""
    ledger = folder.ledger
    layers = ledger.trainable().get(z, [])
    shares: dict[str, float] = {}
    if layers:
        section = labels_of_section(folder, layers)
        owners = np.full(section.labels.shape, -1, np.int64)
        for number, layer in enumerate(layers):
            owners[layer.tile.window if layer.tile else np.s_[:, :]] = number
        shares = {
            layer.file: float(np.mean((owners == number) & section.counted)) for number, layer in enumerate(layers)
        }
    counted = any(share > 0 for share in shares.values())
    state = _state(ledger, z, counted=counted, labelled=bool(layers))
    return Blame(section=z, voxel=None, label=None, state=state, versions=_versions(ledger, z, None), shares=shares)


def _versions(ledger: Ledger, z: int, at: tuple[int, int] | None) -> list[Version]:
    """Give every version of the labels of a voxel, or of a section, the newest first."""
    events = [event for event in ledger.of_kind(SectionLabelled) if event.section == z and _covers(event, at)]
    agreed = [event for event in ledger.of_kind(ConsensusReached) if event.section == z]
    made = {model.sha256: model.iteration for model in ledger.of_kind(Trained)}
    counting = _learnt(ledger, z, at)
    learnt = {
        model.iteration: _learnt(seen_in_training(ledger, model.iteration), z, at) for model in _models(ledger, z)
    }
    versions = [_version(event, event.file, event.sha256, made) for event in events]
    for consensus in agreed:
        newest = [event for event in events if event.file in consensus.files]
        if newest:
            version = _version(newest[-1], consensus.file, consensus.sha256, made)
            versions.append(version.model_copy(update={"at": consensus.at, "consensus_of": consensus.files}))
    return [
        version.model_copy(
            update={
                "counts": (version.annotation_id, version.file) in counting,
                "learnt_by": [
                    number for number, found in learnt.items() if (version.annotation_id, version.file) in found
                ],
            }
        )
        for version in sorted(versions, key=lambda version: version.at, reverse=True)
    ]


def _version(event: SectionLabelled, file: str, sha256: str, made: dict[str, int]) -> Version:
    source = event.correction
    return Version(
        place=str(event.place),
        annotator=source.annotator if source else None,
        at=source.submitted_at if source else event.at,
        iteration=source.iteration if source else None,
        task_id=source.task_id if source else None,
        annotation_id=source.annotation_id if source else None,
        over_model=made.get(source.model_sha256) if source else None,
        file=file,
        sha256=sha256,
        counts=False,
        learnt_by=[],
    )


def _models(ledger: Ledger, z: int) -> list[Trained]:
    return [model for model in ledger.of_kind(Trained) if z in model.sections]


def _learnt(ledger: Ledger, z: int, at: tuple[int, int] | None) -> set[tuple[int | None, str]]:
    """Give the versions that a model learns at a voxel, or anywhere in the section, of the ledger as it is."""
    layers = ledger.trainable().get(z, [])
    found = layers if at is None else _layer_at(layers, at)
    return {(event.correction.annotation_id if event.correction else None, event.file) for event in found}


def _layer_at(layers: Sequence[SectionLabelled], at: tuple[int, int]) -> list[SectionLabelled]:
    """Give the layer that is uppermost at a pixel, if any reaches it."""
    return [event for event in layers if _covers(event, at)][-1:]


def _covers(event: SectionLabelled, at: tuple[int, int] | None) -> bool:
    if at is None or event.tile is None:
        return True
    return all(window.start <= place < window.stop for window, place in zip(event.tile.window, at, strict=True))


def _state(
    ledger: Ledger, z: int, *, counted: bool, labelled: bool
) -> Literal["labelled", "labelled, does not count", "hold-out", "not labelled"]:
    if z in ledger.created().holdout_images:
        return "hold-out"
    if not labelled:
        return "not labelled"
    return "labelled" if counted else "labelled, does not count"


def _require_inside(section: LabelledSection, y: int, x: int) -> None:
    height, width = section.labels.shape
    if not (0 <= y < height and 0 <= x < width):
        raise InputError(
            "this voxel is not in the volume",
            given=f"row {y}, column {x}",
            expected=f"a row below {height} and a column below {width}",
            fix="give Z Y X in voxels, as arrays count them",
        )
