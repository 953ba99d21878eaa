"""The settings of a training."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from loop.errors import InputError
from models.augment_config import AugmentConfig
from models.layout_linknet import PUBLISHED, LinkNetConfig
from models.layouts import Layout, architecture
from models.names import DeviceName, LossName, ModelName
from models.targets import Target


class TrainingConfig(BaseModel):
    """Everything that decides the outcome of a training, the data apart."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    network: Layout
    """The layout to train; `architecture` says which class of network it is of."""
    encoder_weights: str = ""
    """File or http(s) address of ImageNet weights for the encoder of a LinkNet; without one they are drawn."""
    steps: PositiveInt
    """Updates of the weights."""
    batch: PositiveInt
    """Patches an update."""
    patch_sections: PositiveInt
    """Sections of the target in a patch; the network's context comes on top."""
    patch_px: PositiveInt
    """Extent of a patch along y and x; a multiple of the network's grid."""
    learning_rate: PositiveFloat
    """Peak of the schedule when training starts from nothing."""
    warm_learning_rate: PositiveFloat
    """Peak of the schedule when training starts from a checkpoint."""
    weight_decay: NonNegativeFloat = 1e-4
    """Decoupled weight decay (AdamW)."""
    average: float = Field(default=0.99, ge=0, lt=1)
    """Share of the running average of the weights that an update keeps; that average is the result."""
    loss: LossName = "bce_dice"
    """What is minimised."""
    border_px: NonNegativeInt = 1
    """How far membrane reaches into each instance, see `membrane_target`."""
    target_ids: tuple[PositiveInt, ...] = ()
    """Instances to mark where the network's target is `binary`, as the labels number them."""
    foreground_rate: float = Field(default=0.0, ge=0, le=1)
    """Share of patches that hold a piece of a labelled object; raise it where objects are sparse."""
    validate_every: PositiveInt = 100
    """Updates between two measurements on the validation sections, if any are given."""
    validation_patches: PositiveInt = 16
    """Patches that such a measurement looks at, always the same."""
    patience: NonNegativeInt = 0
    """Measurements without improvement after which training stops; 0 never stops early."""
    device: DeviceName = "auto"
    """Where to train: `cpu` in float32, `cuda` in mixed bfloat16, `auto` on a GPU where there is one."""
    augmentation: AugmentConfig = AugmentConfig()
    """How patches are altered."""
    seed: NonNegativeInt = 0
    """Decides the first weights and every patch."""
    checkpoint_every: PositiveInt = 100
    """Updates between two saved states that a killed training can resume from."""
    workers: PositiveInt = 1
    """Threads that prepare patches; any number gives the same patches."""
    processes: PositiveInt | Literal["auto"] = "auto"
    """Processes that train together, on a GPU each where there are some; `auto` is one for each GPU, else one."""

    @property
    def target(self) -> Target:
        """What is to be learnt."""
        return Target(self.network.target, self.border_px, self.target_ids)


def training_preset(name: ModelName) -> TrainingConfig:
    """Give the settings for the network called `name`; `cpu` is for minutes on two cores, the others want a GPU.

    Raises
    ------
    InputError
        If no network has that name.
    """
    network = architecture(name).layout
    if name == "cpu":
        return TrainingConfig(
            network=network,
            steps=3000,
            batch=2,
            patch_sections=1,
            patch_px=256,
            learning_rate=4e-3,
            warm_learning_rate=2e-3,
        )
    in_3d = network.reach[0] > 0
    return TrainingConfig(
        network=network,
        encoder_weights=PUBLISHED[network.encoder] if isinstance(network, LinkNetConfig) else "",
        steps=20_000,
        batch=2 if in_3d else 16,
        patch_sections=16 if in_3d else 1,
        patch_px=192 if in_3d else 256,
        # the predecessor's rate for encoders that have seen ImageNet
        learning_rate=1e-3 if in_3d else 2e-4,
        warm_learning_rate=3e-4 if in_3d else 1e-4,
        average=0.999,
        augmentation=AugmentConfig(
            section_grade_rate=0.5, shift_px=25.0, line_rate=0.05, faint_rate=0.05, blur_rate=0.05
        ),
    )


def fitted(config: TrainingConfig, section_px: tuple[int, int]) -> TrainingConfig:
    """Cut the patch down to sections (y, x) that are smaller than it.

    Raises
    ------
    InputError
        They are smaller than the least patch that the network can halve as often as it must.
    """
    least = config.network.grid[1]
    largest = min(section_px) // least * least
    if not largest:
        raise InputError(
            "the sections are too small for the network",
            given=f"sections of {section_px[0]} x {section_px[1]} px",
            expected=f"at least {least} px along y and x",
            fix="name a volume with larger sections, or another network with --model",
        )
    return config.model_copy(update={"patch_px": min(config.patch_px, largest)})


def check_target(config: TrainingConfig) -> None:
    """Refuse chosen instances for a target that has no use for them, and a choice of none."""
    if (config.network.target == "binary") != bool(config.target_ids):
        raise InputError(
            "the target and the chosen instances do not go together",
            given=f"target = {config.network.target!r}, target_ids = {list(config.target_ids)}",
            expected="ids for the target binary, and for no other",
            fix='set target_ids in [training], or target = "membrane" in [training.network]',
        )


def check_patch(config: TrainingConfig) -> None:
    """Refuse a patch that the network cannot halve as often as it must."""
    sections, px = config.network.grid
    if config.patch_px % px or config.patch_sections % sections:
        raise InputError(
            "the patch does not fit the network",
            given=f"patch_sections = {config.patch_sections}, patch_px = {config.patch_px}",
            expected=f"multiples of {sections} sections and {px} px",
            fix=f"set patch_px = {max(px, config.patch_px // px * px)}"
            f" and patch_sections = {max(sections, config.patch_sections // sections * sections)}",
        )
