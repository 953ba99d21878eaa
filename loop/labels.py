"""Labelled sections on disk: content-addressed, written once, never changed."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.measure import label

from loop.atomic import replacing
from loop.errors import InputError


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
    return np.asarray(label(labels, background=0, connectivity=1), dtype=np.int64)


def write_section(folder: Path, z: int, labels: NDArray[Any]) -> tuple[Path, str]:
    """Store the labels of section `z`; the same labels twice make one file.

    Parameters
    ----------
    folder : Path
        Where the labelled sections of a run live.
    z : int
        Section index in the volume.
    labels : ndarray of unsigned int, shape (y, x)
        Instance ids, 0 = membrane.

    Returns
    -------
    path, sha256
        The file, and the hash by which it is read back.
    """
    stored = np.ascontiguousarray(labels, dtype=np.uint32)
    digest = section_hash(stored)
    path = folder / f"z{z:05d}-{digest[:12]}.npz"
    if not path.exists():
        with replacing(path) as temporary, temporary.open("wb") as stream:
            np.savez_compressed(stream, labels=stored)
    return path, digest


def read_section(path: Path, sha256: str) -> NDArray[np.uint32]:
    """Read labels `(y, x)` written by `write_section`, refusing a file that was changed since."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            labels: NDArray[np.uint32] = stored["labels"]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"labelled section {path} cannot be read",
            given=str(error),
            expected="the file that proofloop wrote",
            fix="restore the run's labels folder from a backup",
        ) from error
    if section_hash(labels) != sha256:
        raise InputError(
            f"labelled section {path} was changed after proofloop wrote it",
            given=f"hash {section_hash(labels)[:12]}",
            expected=f"hash {sha256[:12]}",
            fix="restore the run's labels folder from a backup",
        )
    return labels
