"""What annotators were shown of each section, kept so that ingest can give back the very pixels that nobody changed."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from annotation.contours import Contour
from annotation.correction import PreAnnotation
from annotation.frame import Frame
from annotation.regions import versioned
from loop.atomic import replacing
from loop.errors import InputError
from loop.places import Tile


def section_id(z: int, iteration: int, tile: Tile | None = None) -> str:
    """Name a section, or a tile, of an iteration; the server's tasks carry it as `data.section_id`."""
    corner = "" if tile is None else f"-y{tile.y_px:05d}-x{tile.x_px:05d}"
    return f"it{iteration:03d}-z{z:05d}{corner}"


def store(directory: Path, iteration: int, published: PreAnnotation) -> Path:
    """Keep, below RUN/annotation, what is about to be shown."""
    lengths = [len(contour.points) for contour in published.contours]
    frame = published.frame
    path = _path(directory, section_id(published.z, iteration, frame.tile if frame else None), published.version)
    membrane = np.zeros((0, 0)) if published.membrane is None else published.membrane
    with replacing(path) as temporary:
        np.savez_compressed(
            temporary,
            labels=published.labels,
            objects=np.array([contour.object_id for contour in published.contours], np.uint32),
            pieces=np.array([contour.piece for contour in published.contours], np.int32),
            points=np.concatenate([np.zeros((0, 2)), *(contour.points for contour in published.contours)]),
            ends=np.cumsum(lengths, dtype=np.int64),
            membrane=np.rint(membrane * 255).astype(np.uint8),
            layered=np.array(sorted(published.layered), np.int64),
            frame=np.array([*frame.tile, *frame.picture, *frame.section_shape] if frame else [], np.int64),
        )
    return path


def load(directory: Path, z: int, iteration: int, *, tile: Tile | None = None, version: str = "") -> PreAnnotation:
    """Read back what was published for a section, or for a tile of it.

    Parameters
    ----------
    directory : Path
        RUN/annotation.
    z, iteration : int
    tile : Tile, optional
    version : str
        What the prediction service drew later; where nothing of that name is kept, what was published.

    Raises
    ------
    InputError
        The file is gone.
    """
    path = _path(directory, section_id(z, iteration, tile), version)
    if version and not path.exists():
        return load(directory, z, iteration, tile=tile)
    if not path.exists():
        raise InputError(
            f"the pre-annotation of section {z} is gone",
            given=path,
            expected="the file that publishing wrote",
            fix="restore it from a backup of the run; without it untouched regions cannot keep their pixels",
        )
    with np.load(path) as kept:
        points = np.split(kept["points"], kept["ends"][:-1]) if len(kept["ends"]) else []
        contours = [
            Contour(int(object_id), int(piece), vertices)
            for object_id, piece, vertices in zip(kept["objects"], kept["pieces"], points, strict=True)
        ]
        stored = kept["membrane"] if "membrane" in kept else np.zeros((0, 0), np.uint8)  # older files have none
        membrane = stored.astype(np.float32) / np.float32(255) if stored.size else None
        frame = _frame(kept["frame"]) if "frame" in kept else None
        layered = frozenset(kept["layered"].tolist() if "layered" in kept else [])
        return PreAnnotation(z, kept["labels"], contours, membrane, frame, layered, version)


def _frame(stored: NDArray[np.int64]) -> Frame | None:
    if not stored.size:
        return None
    numbers = stored.tolist()
    return Frame(Tile(*numbers[:4]), Tile(*numbers[4:8]), (numbers[8], numbers[9]))


def _path(directory: Path, name: str, version: str) -> Path:
    return directory / "published" / f"{versioned(name, version)}.npz"
