"""`proofloop segment`: predict any volume with any checkpoint, resumable; what carries the given name is whole."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import zarr
from pydantic import BaseModel, ConfigDict

from flows.predicting import Predictor, predict_into, predict_shared_out
from flows.workers import Workers, crew_of
from loop.errors import InputError
from loop.holding import held_beside
from loop.prediction_hdf5 import write_hdf5
from loop.prediction_origin import ATTRIBUTE, PredictionOrigin, require_origin, volume_sha256
from loop.predictions import PredictionStore
from loop.progress import Progress, silent
from loop.section_range import format_sections, parse_sections
from loop.volume import Volume, VoxelSize, open_image
from models.checkpoint import checkpoint_sha256

_SUFFIXES = (".zarr", ".h5", ".hdf5")


class Segmented(BaseModel):
    """What `proofloop segment` did."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    out: str
    """The HDF5 file or Zarr folder."""
    arrays: list[str]
    """Its datasets, zyx."""
    shape: tuple[int, int, int]
    """Of each of them: the volume's."""
    voxel_size_nm_zyx: VoxelSize | None
    """Size of a voxel, null where the volume does not say."""
    made_from: PredictionOrigin
    """Model, volume and settings."""
    sections_predicted: int
    """Sections that this call predicted; the others were there."""
    seconds: float
    """What that took, reading and writing included."""
    voxels_per_second: float
    """Voxels predicted in that time."""


def segment(
    volume: str,
    predictor: Predictor,
    out: Path,
    *,
    sections: str = "",
    workers: Workers | None = None,
    progress: Progress = silent,
) -> Segmented:
    """Predict the membrane of a volume into a Zarr folder or an HDF5 file.

    The work lies in the Zarr folder `OUT.unfinished`, which can be read meanwhile, and takes the name `out` when all
    of it is there. The same call goes on with what another left.

    Parameters
    ----------
    volume : str
        EM image, `path[:dataset]`: uint8, zyx.
    predictor : Predictor
        The checkpoint and how it is used.
    out : Path
        Ends in `.zarr`, `.h5` or `.hdf5`.
    sections : str
        `start:stop`, several with commas; by default all. The others stay 0 in the result, which has the volume's
        shape, so that a section keeps its z.
    workers : Workers, optional
        Who works; by default this process alone. With the same `memory_gib`, any number of them gives the same values.
    progress : Progress
        Hears of the sections done.

    Raises
    ------
    InputError
        Unusable volume, checkpoint or sections; or `out`, or what is left of it, was made from something else, or is
        being written by another process.
    """
    began = time.monotonic()
    _require_known_suffix(out)
    image = open_image(volume)
    wanted = parse_sections(sections or f"0:{image.shape[0]}", name="sections", n_sections=image.shape[0])
    origin = _origin(predictor, image, wanted)
    n_missing = 0
    if out.exists():
        require_origin(out, origin)
    else:
        with _unfinished(out, predictor, image, origin) as store:
            n_missing = len(store.missing(wanted))
            _predict(store, predictor, image, wanted, workers or Workers(), progress)
            _finish(store, out, origin, progress)
    seconds = time.monotonic() - began
    return Segmented(
        out=str(out),
        arrays=_arrays(predictor),
        shape=image.shape,
        voxel_size_nm_zyx=image.voxel_size_nm_zyx,
        made_from=origin,
        sections_predicted=n_missing,
        seconds=seconds,
        voxels_per_second=n_missing * image.shape[1] * image.shape[2] / seconds,
    )


def _predict(
    store: PredictionStore,
    predictor: Predictor,
    image: Volume,
    sections: tuple[int, ...],
    workers: Workers,
    progress: Progress,
) -> None:
    memory_gib = workers.limit_gib if workers.apart else workers.memory_gib
    if memory_gib is not None:
        predictor = replace(predictor, config=predictor.config.model_copy(update={"memory_gib": memory_gib}))
    if workers.apart:
        with crew_of(workers) as crew:
            predict_shared_out(store, predictor, image, crew, sections=sections, progress=progress)
    else:
        predict_into(store, predictor, image, sections=sections, progress=progress)


def _origin(predictor: Predictor, image: Volume, sections: tuple[int, ...]) -> PredictionOrigin:
    return PredictionOrigin(
        checkpoint_sha256=checkpoint_sha256(predictor.checkpoint),
        volume_sha256=volume_sha256(image),
        sections=format_sections(sections),
        views=predictor.config.variants,
        reach_share=predictor.config.reach_share,
        objects=predictor.objects.model_dump_json() if predictor.objects else "",
    )


def _arrays(predictor: Predictor) -> list[str]:
    several, objects = predictor.config.variants > 1, predictor.objects is not None
    return ["membrane", *(["variance"] if several else []), *(["labels"] if objects else [])]


@contextmanager
def _unfinished(out: Path, predictor: Predictor, image: Volume, origin: PredictionOrigin) -> Iterator[PredictionStore]:
    """Make or find the store of the unfinished work, for this process alone."""
    path = out.with_name(f"{out.name}.unfinished")
    if path.exists():
        require_origin(path, origin)
    out.parent.mkdir(parents=True, exist_ok=True)
    zarr.open_group(path, mode="a", attributes={ATTRIBUTE: origin.model_dump()})
    with held_beside(path):
        yield PredictionStore.create(
            path, shape=image.shape, voxel_size_nm_zyx=image.voxel_size_nm_zyx, arrays=_arrays(predictor)
        )


def _finish(store: PredictionStore, out: Path, origin: PredictionOrigin, progress: Progress) -> None:
    if out.suffix == ".zarr":
        store.path.rename(out)
        return
    write_hdf5(out, store, attributes={ATTRIBUTE: origin.model_dump_json()}, progress=progress)
    shutil.rmtree(store.path)


def _require_known_suffix(out: Path) -> None:
    if out.suffix not in _SUFFIXES:
        raise InputError(
            "the format of the prediction is not known",
            given=out,
            expected=f"a name that ends in {', '.join(_SUFFIXES)}",
            fix=f"write -o {out.with_suffix('.zarr')}",
        )
