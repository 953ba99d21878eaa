"""What a bake-off simulates, stored beside its results so that an interrupted one goes on with the same."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator

from flows.config import RankingConfig, TracingConfig
from loop.atomic import write_text
from loop.errors import InputError
from loop.minutes import EffortModel
from loop.ranking import NEEDS
from loop.section_range import parse_sections, require_disjoint
from models.prediction import PredictionConfig
from models.training_config import TrainingConfig, training_preset
from tracing.seeding import SeedingConfig

ALL, NONE = "all labels", "no labels"
"""Contenders that tell what the others are worth: the whole pool labelled at once, and never a label more."""
_CHANNELS = (12, 20, 32, 48)
_TILE = "@tile"
_STORED = "bakeoff.json"
_MAY_GROW = {"contenders", "seeds", "turns"}


def simulation_training() -> TrainingConfig:
    """Give the training of a simulation: the cpu preset's network at half its width, some seconds a turn on one core.

    Every patch holds labelled pixels, as tiles leave most of a section without.
    """
    full = training_preset("cpu")
    return full.model_copy(
        update={
            "network": full.network.model_copy(update={"channels": _CHANNELS}),
            "steps": 150,
            "batch": 4,
            "patch_px": 128,
            "foreground_rate": 1.0,
            "checkpoint_every": 10**6,
            "device": "cpu",
            "processes": 1,
        }
    )


def simulation_prediction() -> PredictionConfig:
    """Give the prediction of a simulation; it has the views by which some strategies see a model contradict itself."""
    return PredictionConfig(variants=4, device="cpu", precision="float32")


class Plan(BaseModel):
    """Everything that the outcome of a bake-off depends on."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    volume: str
    """EM image, path[:dataset]."""
    labels: str
    """Its dense labels, path[:dataset]."""
    holdout: str
    """Sections that only measure, start:stop; all others are the pool."""
    contenders: tuple[str, ...]
    """Query strategies; `entropy` asks for sections, `entropy@tile` for tiles."""
    seeds: PositiveInt = 5
    """How often everything is repeated with other sections to begin with and another first network."""
    start_sections: PositiveInt = 5
    """Neighbouring sections of the pool labelled to begin with, as projects begin; where they lie, the seed draws."""
    turns: PositiveInt = 6
    """Trainings after the first."""
    minutes_per_turn: PositiveFloat = 15.0
    """Minutes an annotator works between two trainings: for equal minutes all strategies train equally long."""
    crop_px: PositiveInt | None = None
    """Only the middle of the sections, so many pixels along y and x."""
    tile_px: int = Field(default=128, ge=96)
    """Height and width of tiles."""
    min_distance_sections: PositiveInt = 2
    """As in the configuration of a run."""
    first_steps: PositiveInt = 800
    """Updates of the first training of a seed."""
    training: TrainingConfig = Field(default_factory=simulation_training)
    """Of every turn, from the last turn's model."""
    prediction: PredictionConfig = Field(default_factory=simulation_prediction)
    """Of pool and hold-out."""
    seeding: SeedingConfig = SeedingConfig()
    """From membranes to objects."""
    tracing: TracingConfig = TracingConfig()
    """From membranes to the axons that objects are compared with, for strategies that ask how these go on."""
    min_object_px: int = Field(default=25, ge=0)
    """Predicted objects smaller than this are not shown."""
    effort: EffortModel = EffortModel()
    """What an annotator's work takes."""

    @model_validator(mode="after")
    def _knows_its_contenders(self) -> Self:
        if len(set(self.contenders)) < len(self.contenders) or not self.contenders:
            raise ValueError("name one or more strategies, each once")
        for name in self.contenders:
            if name.removesuffix(_TILE) not in NEEDS:
                raise ValueError(f"query strategy {name!r} not known; there are {', '.join(NEEDS)}, each also {_TILE}")
        return self

    def ranking(self, contender: str) -> RankingConfig:
        """Give what a contender asks for, as a run's configuration would say it."""
        return RankingConfig.model_validate(
            {
                "strategy": contender.removesuffix(_TILE),
                "unit": "tile" if contender.endswith(_TILE) else "section",
                "tile_px": self.tile_px,
                "min_distance_sections": self.min_distance_sections,
            }
        )

    def needs(self, contender: str) -> tuple[str, ...]:
        """Give what a contender chooses by, as `loop.ranking.NEEDS` names it."""
        return NEEDS.get(contender.removesuffix(_TILE), ())

    def sections(self, n_sections: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Give the pool and the hold-out of a volume with so many sections.

        Raises
        ------
        InputError
            The hold-out is not in the volume, or leaves too few sections to begin with.
        """
        holdout = parse_sections(self.holdout, name="holdout", n_sections=n_sections)
        pool = tuple(z for z in range(n_sections) if z not in holdout)
        require_disjoint({"pool": pool, "holdout": holdout})
        if len(pool) <= self.start_sections:
            raise InputError(
                "the pool is too small",
                given=f"{len(pool)} sections beside the hold-out, {self.start_sections} of them to begin with",
                expected="more sections than those to begin with",
                fix="begin with fewer sections, or hold fewer out",
            )
        return pool, holdout


def settle(plan: Plan, out: Path) -> Plan:
    """Store the plan in `out`; an interrupted bake-off goes on only with the same.

    Strategies, seeds and turns may be added: what is there already is not computed again.

    Raises
    ------
    InputError
        `out` holds a bake-off of another plan.
    """
    path = out / _STORED
    if path.exists():
        stored = Plan.model_validate_json(path.read_text(encoding="utf-8"))
        changed = [
            name for name in Plan.model_fields if name not in _MAY_GROW and getattr(stored, name) != getattr(plan, name)
        ]
        if changed:
            raise InputError(
                "another bake-off lies there",
                given=", ".join(f"{name} = {getattr(plan, name)}" for name in changed),
                expected=", ".join(f"{name} = {getattr(stored, name)}" for name in changed),
                fix=f"write to another folder than {out}, or give the same settings to go on",
            )
    write_text(path, plan.model_dump_json(indent=2))
    return plan
