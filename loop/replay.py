"""Replay: the label volume as the training of an iteration saw it, rebuilt from the ledger."""

from pathlib import Path

import h5py
import numpy as np

from loop.atomic import replacing
from loop.errors import InputError
from loop.events import Trained
from loop.progress import Progress, silent
from loop.run import RunFolder
from loop.training_labels import labels_of_sections, labels_sha256, seen_in_training


def replay(folder: RunFolder, iteration: int, out: Path, *, progress: Progress = silent) -> Trained:
    """Write the labels that the model of an iteration learnt from, as an HDF5 file.

    Parameters
    ----------
    folder : RunFolder
        The run.
    iteration : int
        Whose training.
    out : Path
        Gets `labels` (uint32, zyx, 0 = membrane or not labelled) and `annotated` (uint8, 1 where they counted), from
        section 0 to the last that was learnt from. The same call twice gives the same bytes.
    progress : Progress
        Hears of the sections.

    Returns
    -------
    Trained
        The training.

    Raises
    ------
    InputError
        If the iteration has trained nothing, a labels file is gone or changed, or the labels are not those of the
        hash that was recorded.
    """
    trained = folder.ledger.stage(Trained, iteration)
    if trained is None:
        known = [event.iteration for event in folder.ledger.of_kind(Trained)]
        raise InputError(
            "this iteration has trained no model",
            given=f"iteration {iteration} of {folder.root}",
            expected=f"one of the iterations {', '.join(map(str, known))}"
            if known
            else "a run after its first training",
            fix="give another --iteration",
        )
    labelled = seen_in_training(folder.ledger, iteration).trainable()
    sections = sorted(trained.sections)
    found = labels_sha256(labels_of_sections(folder, labelled, sections))
    if trained.origin is not None and found != trained.origin.labels_sha256:
        raise InputError(
            f"the labels of iteration {iteration} cannot be rebuilt",
            given=f"labels of hash {found[:12]}",
            expected=f"hash {trained.origin.labels_sha256[:12]}, recorded when the model was trained",
            fix="restore ledger.jsonl from a backup: it says something else of that time now",
        )
    with replacing(out) as temporary, h5py.File(temporary, "w") as file:
        for done, (z, section) in enumerate(labels_of_sections(folder, labelled, sections), start=1):
            if "labels" not in file:
                shape, chunk = (sections[-1] + 1, *section.labels.shape), (1, *section.labels.shape)
                for name, dtype in (("labels", np.uint32), ("annotated", np.uint8)):
                    file.create_dataset(name, shape, dtype, chunks=chunk, compression="gzip", track_times=False)
                file["labels"].attrs["labels_sha256"] = found
            file["labels"][z], file["annotated"][z] = section.labels, section.counted
            progress(done, len(sections))
    return trained
