"""Labelled sections on disk: content-addressed, written once, never changed."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loop.atomic import replacing
from loop.errors import InputError
from loop.places import Tile


def section_hash(section: NDArray[Any]) -> str:
    """Hash the shape, type and values of a section `(y, x)`: SHA-256 in hex."""
    digest = hashlib.sha256(f"{section.shape}{section.dtype.str}".encode())
    digest.update(np.ascontiguousarray(section).tobytes())
    return digest.hexdigest()


def objects_of_section(labels: NDArray[Any]) -> NDArray[np.int64]:
    """Give every connected profile of a section `(y, x)` an id of its own; 0 stays 0.

    An axon that bends back appears twice in one section. A judge of a single section cannot know that both
    profiles are one axon, so per-section metrics compare profiles.
    """
    from skimage.measure import label  # takes half a second to import, which `blame` and `status` do not have

    return np.asarray(label(labels, background=0, connectivity=1), dtype=np.int64)


@dataclass(frozen=True)
class LabelledSection:
    """The labels of a section and where they count.

    Attributes
    ----------
    labels : (y, x) uint32
        Instance ids, 0 = membrane.
    counted : (y, x) bool
        False where the annotator was unsure, and outside of a tile: not to be learned from.
    """

    labels: NDArray[np.uint32]
    counted: NDArray[np.bool_]

    @property
    def sha256(self) -> str:
        """Hash of the labels, and of where they count if that is not everywhere."""
        whole = section_hash(self.labels)
        return (
            whole if self.counted.all() else hashlib.sha256((whole + section_hash(self.counted)).encode()).hexdigest()
        )


def write_section(
    folder: Path, z: int, labels: NDArray[Any], *, counted: NDArray[np.bool_] | None = None
) -> tuple[Path, str]:
    """Store the labels of section `z`; the same labels twice make one file.

    Parameters
    ----------
    folder : Path
        Where the labelled sections of a run live.
    z : int
        Section index in the volume.
    labels : ndarray of unsigned int, shape (y, x)
        Instance ids, 0 = membrane.
    counted : ndarray of bool, shape (y, x), optional
        Where they count; everywhere by default.

    Returns
    -------
    path, sha256
        The file, and the hash by which it is read back.
    """
    everywhere = np.ones(labels.shape, dtype=bool)
    section = LabelledSection(
        np.ascontiguousarray(labels, dtype=np.uint32), np.asarray(everywhere if counted is None else counted)
    )
    path = folder / f"z{z:05d}-{section.sha256[:12]}.npz"
    if not path.exists():
        with replacing(path) as temporary, temporary.open("wb") as stream:
            np.savez_compressed(stream, labels=section.labels, counted=section.counted)
    return path, section.sha256


def read_section(path: Path, sha256: str) -> LabelledSection:
    """Read a section written by `write_section`, refusing a file that was changed since."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            labels = stored["labels"]
            counted = stored["counted"] if "counted" in stored else np.ones(labels.shape, dtype=bool)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"labelled section {path} cannot be read",
            given=str(error),
            expected="the file that proofloop wrote",
            fix="restore the run's labels folder from a backup",
        ) from error
    section = LabelledSection(labels, counted)
    if section.sha256 != sha256:
        raise InputError(
            f"labelled section {path} was changed after proofloop wrote it",
            given=f"hash {section.sha256[:12]}",
            expected=f"hash {sha256[:12]}",
            fix="restore the run's labels folder from a backup",
        )
    return section


def combined(layers: Sequence[tuple[LabelledSection, Tile | None]]) -> LabelledSection:
    """Lay the labels of a section and of its tiles over each other.

    Ids of different layers mean different objects, so those of the later layer are moved past all others. Where an
    object goes on beyond the edge of a tile, the two ids would make a border that is none: right there nothing counts.

    Parameters
    ----------
    layers : sequence of (LabelledSection, Tile or None)
        Oldest first, each of the whole section's shape; of a tile only what is inside is taken. At least one.

    Returns
    -------
    LabelledSection
        What a single layer gives keeps its ids.
    """
    (first, extent), *others = layers
    labels = np.zeros_like(first.labels)
    counted = np.zeros_like(first.counted)
    window = extent.window if extent else np.s_[:, :]
    labels[window], counted[window] = first.labels[window], first.counted[window]
    for section, tile in others:
        window = tile.window if tile else np.s_[:, :]
        own, above = section.labels[window], labels.max(initial=0)
        labels[window] = np.where(own > 0, own + above, 0)
        counted[window] = section.counted[window]
        if tile is not None:
            for seam in _beside(tile):
                counted[seam] = False
    return LabelledSection(labels, counted)


def _beside(tile: Tile) -> list[tuple[slice, slice]]:
    """Give the pixels right outside of a tile, a line on each side; lines beyond the section are empty."""
    rows, columns = tile.window
    top, left = max(rows.start - 1, 0), max(columns.start - 1, 0)
    return [
        (slice(top, rows.start), columns),
        (slice(rows.stop, rows.stop + 1), columns),
        (rows, slice(left, columns.start)),
        (rows, slice(columns.stop, columns.stop + 1)),
    ]
