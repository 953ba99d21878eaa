"""The configuration of a run, `proofloop.toml`: every choice with its default, its unit and its reason."""

import tomllib
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

import tomlkit
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from flows.data_config import DataConfig as DataConfig
from flows.data_config import FurtherVolume as FurtherVolume
from loop.atomic import write_text
from loop.errors import InputError
from loop.gate import GateConfig
from loop.minutes import EffortModel
from loop.ranking import NEEDS, TRACED
from loop.ranking_words import DEFAULT_STRATEGY, StrategyName
from loop.volume import VoxelSize
from loop.waiting import Patience
from models.prediction_config import PredictionConfig
from models.training_config import TrainingConfig, training_preset
from tracing.expansion import ExpansionConfig
from tracing.merging import MergingConfig
from tracing.postprocess import PostprocessConfig
from tracing.seeding import SeedingConfig
from tracing.skeleton import SkeletonConfig
from tracing.tracking import TrackingConfig
from tracing.tracking_costs import LinkCosts

_Config = TypeVar("_Config", bound=BaseModel)
_STRICT = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
_OF_VIEWS = ("variance", "bald", "power", "committee")  # the committee in the first turn only, which has one model
_TASKS = AliasChoices("tasks_per_iteration", "sections_per_iteration")  # the second in runs of older versions


class RankingConfig(BaseModel):
    """What annotators get as a task, how many of them, and how far apart."""

    model_config = _STRICT

    unit: Literal["section", "tile"] = "section"
    """A task is a whole section, or a tile around an uncertain place; init writes tile for sections above 1024 px."""
    tile_px: int = Field(default=1024, ge=96)
    """Height and width of a tile; Label Studio is slow above 1024, or where a tile holds more than 500 objects."""
    margin_px: int = Field(default=64, ge=0)
    """How much of the section is shown around a tile, for context: what lies there is neither asked nor counted."""
    tasks_per_iteration: int = Field(default=8, ge=0, validation_alias=_TASKS)
    """Sections or tiles sent to annotators in each iteration; 0 freezes the labels."""
    min_distance_sections: int = Field(default=2, ge=1)
    """Least difference in z between two tasks of one iteration; tiles that do not overlap may be nearer."""
    strategy: StrategyName = DEFAULT_STRATEGY
    """How places are chosen: see the engineer's guide; `proofloop bakeoff` tells which pays on labelled data."""
    per_minute: bool = True
    """Divide what a place is worth by the minutes that it is expected to cost."""


class LabServerConfig(BaseModel):
    """A Label Studio that the lab already runs, instead of the embedded one."""

    model_config = _STRICT

    url: str | None = None
    """Its address, for instance https://label-studio.lab.example; without it proofloop runs one of its own."""
    token_file: str | None = None
    """File with an access token, mode 600; without it RUN/annotation/secrets/token or an environment variable."""


class AnnotationConfig(BaseModel):
    """Who corrects the contours."""

    model_config = _STRICT

    annotator: Literal["human", "oracle"] = "human"
    """People in Label Studio, or the oracle that submits the given labels through the same server."""
    port: int | None = Field(default=None, ge=1, le=65535)
    """Port of the embedded Label Studio on this machine; without it a free one is taken."""
    prediction_port: int | None = Field(default=None, ge=1, le=65535)
    """Port of the prediction service beside the embedded Label Studio; without it a free one is taken."""
    poll_seconds: float = Field(default=30, ge=1)
    """Seconds between two looks of proofloop watch; Label Studio's own call makes it look at once."""
    database: str | None = None
    """PostgreSQL for the embedded Label Studio, postgresql://user@host:port/name, no password; without it SQLite."""
    server: LabServerConfig = LabServerConfig()
    """A Label Studio that the lab already runs."""
    min_object_px: int = Field(default=25, ge=0)
    """Predicted objects smaller than this, in pixels of a section, are not drawn as contours."""
    contours: Literal["simplified", "exact", "bitmask", "brush"] = "simplified"
    """How objects are drawn; exact outlines and painted objects open and edit slowly. Stays as it is within a run."""
    readonly_above: float = Field(default=0.75, ge=0, le=1)
    """Outlines of which the model is surer than this cannot be dragged; 1 leaves all editable."""
    outlines_at_most: int = Field(default=60, ge=0)
    """So many outlines, the least sure ones, can be edited; the others are one picture, as the page slows with each."""
    repeat_share: float = Field(default=0, ge=0, le=1)
    """Share of tasks beside the new ones that ask again, without saying so, for what was answered before."""
    gold_share: float = Field(default=0, ge=0, le=1)
    """Share of tasks beside the new ones whose truth is known; they measure annotators and never train."""
    several: Literal["newest", "consensus"] = "newest"
    """What trains where a section has several annotations: the newest, or what most of them say."""
    review: Literal["none", "required"] = "none"
    """With `required` only answers that `proofloop review` accepted train, and an iteration waits for that."""


class TracingConfig(BaseModel):
    """From membranes to axons, for proofloop trace."""

    model_config = _STRICT

    postprocess: PostprocessConfig = PostprocessConfig()
    """Cleaning of the membrane; nothing by default."""
    seeding: SeedingConfig = SeedingConfig(threshold=0.2, smoothing_px=1, neck_ratio=2)
    """From membranes to objects; finer than for annotators, since pieces can be merged later and mergers not parted."""
    tracking: TrackingConfig = Field(default_factory=lambda: TrackingConfig(costs=LinkCosts(centre=0.4, ending=4.2)))
    """Which objects of different sections are one; more careful than with drawn objects, as some are wrong."""
    merging: MergingConfig = MergingConfig()
    """Which tracks are pieces of one axon."""
    expansion: ExpansionConfig = ExpansionConfig()
    """From tracked objects to labels."""
    skeletons: SkeletonConfig = SkeletonConfig()
    """Centre lines of axons, for proofloop trace --skeletons and proofloop export."""


class ServingConfig(BaseModel):
    """What proofloop serve starts when."""

    model_config = _STRICT

    schedule: str = ""
    """Cron expression, local time, by which a turn is taken if there are new corrections; "0 2 * * *" is 2 o'clock."""
    poll_minutes: float = Field(default=10, gt=0, le=1440)
    """Minutes between two looks at the answers; Label Studio's own call brings one at once."""
    trace_promoted: bool = True
    """Trace axons through the whole volume, into RUN/axons, when a model is promoted."""

    @field_validator("schedule")
    @classmethod
    def _is_cron(cls, schedule: str) -> str:
        if schedule and len(schedule.split()) != 5:
            raise ValueError('not a cron expression of five fields, such as "0 2 * * *"')
        return schedule


class RunConfig(BaseModel):
    """Everything that may be set for a run."""

    model_config = _STRICT

    data: DataConfig
    """Volume, labels and the purpose of the sections."""
    training: TrainingConfig = Field(default_factory=lambda: training_preset("cpu"))
    """Network, patches and schedule."""
    prediction: PredictionConfig = PredictionConfig()
    """Test-time augmentation and block size."""
    seeding: SeedingConfig = SeedingConfig()
    """From membranes to objects of a section."""
    ranking: RankingConfig = RankingConfig()
    """Query strategy."""
    effort: EffortModel = EffortModel()
    """What an annotator's work takes: expected minutes of sections and tiles."""
    gate: GateConfig = GateConfig()
    """When a new model is trusted."""
    annotation: AnnotationConfig = AnnotationConfig()
    """Label Studio and who answers."""
    waiting: Patience = Patience()
    """How long a turn waits for people."""
    serving: ServingConfig = ServingConfig()
    """What proofloop serve starts when."""
    tracing: TracingConfig = Field(default_factory=TracingConfig)
    """Registration, tracking and expansion."""

    @model_validator(mode="after")
    def _views_differ(self) -> Self:
        if self.ranking.strategy in _OF_VIEWS and self.prediction.variants == 1:
            raise ValueError(
                f'strategy "{self.ranking.strategy}" compares mirrored views: it needs prediction.variants above 1'
            )
        return self

    @model_validator(mode="after")
    def _axons_have_a_scale(self) -> Self:
        if TRACED & {*NEEDS[self.ranking.strategy]} and self.data.voxel_size_nm_zyx is None:
            raise ValueError(f'strategy "{self.ranking.strategy}" traces axons: it needs data.voxel_size_nm_zyx')
        return self


def changed(config: _Config, **choices: object) -> _Config:
    """Set those fields of a part of the configuration that are given.

    Raises
    ------
    InputError
        If a value is impossible.
    """
    given = {name: value for name, value in choices.items() if value is not None}
    try:
        return type(config).model_validate(config.model_dump() | given)
    except ValidationError as error:
        raise config_error("of the command line", error) from error


def parse_voxel_size(text: str) -> VoxelSize:
    """Read `Z,Y,X` in nm."""
    try:
        z, y, x = (float(part) for part in text.split(","))
        if not all(0 < size < float("inf") for size in (z, y, x)):
            raise ValueError
    except ValueError as error:
        raise InputError(
            "voxel size cannot be read",
            given=repr(text),
            expected="three positive numbers of nm: Z,Y,X",
            fix="write for instance --voxel-size 30,12,12",
        ) from error
    return z, y, x


def read_config(path: Path) -> RunConfig:
    """Read and check a `proofloop.toml`, reporting all its faults at once."""
    try:
        return RunConfig.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except tomllib.TOMLDecodeError as error:
        raise InputError(
            f"{path} is not TOML", given=str(error), expected="TOML as proofloop init writes it", fix="mend that line"
        ) from error
    except ValidationError as error:
        raise config_error(str(path), error) from error


def config_error(name: str, error: ValidationError) -> InputError:
    """Put every fault of a configuration into one error."""
    faults = "; ".join(
        f"{'.'.join(map(str, fault['loc']))} = {fault['input']!r}: {fault['msg']}" for fault in error.errors()
    )
    return InputError(
        f"configuration {name} has {error.error_count()} fault(s)",
        given=faults,
        expected="the keys and values that docs/configuration.md lists",
        fix="mend or remove these keys",
    )


def write_config(path: Path, config: RunConfig) -> None:
    """Write a `proofloop.toml` with every key explained by a comment."""
    document = tomlkit.document()
    document.add(tomlkit.comment("proofloop run configuration; docs/configuration.md explains it"))
    for name in RunConfig.model_fields:
        document.add(name, _table(getattr(config, name)))
    write_text(path, tomlkit.dumps(document))


def _table(section: BaseModel) -> tomlkit.items.Table:
    table = tomlkit.table()
    for line in (type(section).__doc__ or "").strip().splitlines()[:1]:
        table.add(tomlkit.comment(line))
    fields = type(section).model_fields
    # TOML needs the plain keys of a table before its sub-tables.
    for name in sorted(fields, key=lambda name: isinstance(getattr(section, name), BaseModel)):
        value: Any = getattr(section, name)
        for line in (fields[name].description or "").splitlines():
            table.add(tomlkit.comment(line))
        if isinstance(value, BaseModel):
            table.add(name, _table(value))
        elif value is None:
            table.add(tomlkit.comment(f"{name} ="))
        else:
            table.add(name, _plain(value))
        table.add(tomlkit.nl())
    return table


def _plain(value: Any) -> Any:
    """Give a value as TOML has it: tuples as arrays, models in them as inline tables."""
    if not isinstance(value, tuple):
        return value
    array = tomlkit.array()
    for item in value:
        if isinstance(item, BaseModel):
            inline = tomlkit.inline_table()
            inline.update(item.model_dump())
            array.append(inline)
        else:
            array.append(list(item) if isinstance(item, tuple) else item)
    return array
