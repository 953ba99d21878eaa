"""What `proofloop view` shows: a run, or volumes that lie in files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from flows.axon_table import axons_path
from flows.run_record import RunRecord, open_record
from flows.trace.output import skeletons_path
from flows.traced import newest_axons
from loop.events import Published
from loop.places import Place
from loop.run import RunFolder
from loop.volume import Volume, VoxelSize, open_image, open_labels, open_volume, require_equal_shape
from tracing.axons import Axon

_CHOSEN = 20


@dataclass(frozen=True)
class Segmentation:
    """Labels as a layer."""

    name: str
    labels: Volume
    chosen: tuple[int, ...] = ()
    """Ids that are shown at first; all where it is empty."""
    skeletons: Path | None = None
    """A folder of SWC files."""
    visible: bool = True
    """Whether the layer is on at first."""


@dataclass(frozen=True)
class Shown:
    """Volumes of one shape, and what is marked in them."""

    image: Volume
    voxel_size_nm_zyx: VoxelSize | None
    membrane: Volume | None = None
    segmentations: tuple[Segmentation, ...] = ()
    asked: tuple[Place, ...] = ()
    """Sections and tiles that annotators were asked for last."""

    @property
    def asked_at_first(self) -> bool:
        """Whether their boxes are drawn from the beginning: those of whole sections would cover every side view."""
        return any(place.tile for place in self.asked)


def shown_of(source: str, *, membrane: str | None = None, segmentations: Sequence[str] = ()) -> Shown:
    """Open what is to be shown.

    Parameters
    ----------
    source : str
        A run, or an image `path[:dataset]`. Of a run its labels, newest prediction and newest axons are shown too.
    membrane : str, optional
        Membrane probability, `path[:dataset]`, in place of a run's prediction.
    segmentations : sequence of str
        Further labels, `path[:dataset]`.

    Raises
    ------
    InputError
        Something cannot be read, or does not have the shape of the image.
    """
    run = open_record(Path(source)) if RunFolder(Path(source)).config.exists() else None
    shown = _of_run(run) if run else Shown(image := open_image(source), image.voxel_size_nm_zyx)
    names = [Path(spec).name for spec in segmentations]
    given = tuple(
        _segmentation(spec, name if names.count(name) == 1 else spec)
        for spec, name in zip(segmentations, names, strict=True)
    )
    probability = open_volume(membrane, dataset="membrane") if membrane else shown.membrane
    files = {layer.labels.spec for layer in given}
    known = [layer for layer in shown.segmentations if layer.labels.spec not in files]
    whole = Shown(shown.image, shown.voxel_size_nm_zyx, probability, (*given, *known), shown.asked)
    for volume in (probability, *(layer.labels for layer in whole.segmentations)):
        if volume is not None:
            require_equal_shape(whole.image, volume)
    return whole


def _of_run(run: RunRecord) -> Shown:
    image = open_image(run.data.volume)
    given = Segmentation("given labels", open_labels(run.data.labels), visible=False)
    axons = newest_axons(run.folder.root)
    traced = [_segmentation(f"{axons}:labels", "axons")] if axons else []
    published = run.ledger.of_kind(Published)
    return Shown(
        image,
        run.data.voxel_size_nm_zyx or image.voxel_size_nm_zyx,
        _newest_prediction(run.folder),
        (*traced, given),
        tuple(published[-1].tasks) if published else (),
    )


def _segmentation(spec: str, name: str) -> Segmentation:
    """Open labels, with the longest axons and the skeletons that `trace` or `export` left beside them."""
    labels = open_labels(spec)
    file = Path(labels.spec.rsplit(":", 1)[0])
    table, skeletons = axons_path(file).with_suffix(".json"), skeletons_path(file)
    axons = TypeAdapter(list[Axon]).validate_json(table.read_bytes()) if table.exists() else []
    chosen = tuple(axon.axon for axon in axons[:_CHOSEN])
    return Segmentation(name, labels, chosen, skeletons if skeletons.is_dir() else None)


def _newest_prediction(run: RunFolder) -> Volume | None:
    """Open the prediction of the last iteration that has one; sections that it leaves out are 0."""
    found = sorted((run.root / "iterations").glob("*/prediction.zarr"))
    return open_volume(f"{found[-1]}:membrane") if found else None
