"""What a run is about: its volume, its labels, and what each section is for."""

from pydantic import BaseModel, ConfigDict, Field

from loop.volume_stored import VoxelSize

_STRICT = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class FurtherVolume(BaseModel):
    """Another volume to learn from, beside the run's own."""

    model_config = _STRICT

    volume: str
    """EM image, path:dataset; a folder of sections will do."""
    labels: str
    """Its instance labels, path:dataset; unlabelled sections are passed over."""
    sections: str = ""
    """Sections to learn from, start:stop; all that are labelled where it is left empty."""
    annotated: str = ""
    """Which voxels are labelled, path:dataset, 0 = not; without it every voxel of a section with labels is."""


class DataConfig(BaseModel):
    """What is segmented and which sections serve which purpose."""

    model_config = _STRICT

    volume: str
    """EM image, path:dataset."""
    labels: str
    """Instance labels, path:dataset; the oracle annotator also reads the pool's from here."""
    train: str
    """Densely labelled sections to begin with, start:stop."""
    holdout: str
    """Sections that only ever measure, start:stop."""
    holdout_gap: int = Field(default=0, ge=0)
    """Sections on each side of the hold-out that no model sees in training either; fixed when the run is made."""
    annotated: str = ""
    """Which voxels of the train sections are labelled, path:dataset, 0 = not; without it all are."""
    unlabelled: int | None = Field(default=None, ge=0)
    """An id that stands for voxels without a label in the train sections."""
    pool: str = ""
    """Sections that may be sent to annotators, start:stop; init fills in all the others where it is left empty."""
    voxel_size_nm_zyx: VoxelSize | None = None
    """Size of a voxel in nm, z, y, x; init takes it from the volume where it is not given."""
    validation: str = ""
    """Labelled sections to measure on while training, start:stop, or a share of train, such as 10%, from its end."""
    further: tuple[FurtherVolume, ...] = ()
    """Other volumes to learn from, each a table `{volume = "b.h5:raw", labels = "b.h5:labels"}`."""
