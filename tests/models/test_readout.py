from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch

from loop.errors import InputError
from loop.phantom import make_phantom
from models.affinities import LONG_RANGE, NEAREST
from models.checkpoint import load_checkpoint
from models.dataset import TrainingBlock
from models.layouts import Layout
from models.names import TargetName
from models.prediction import predict
from models.prediction_config import PredictionConfig
from models.readout import OUTPUTS, membrane_drawn, membrane_probability
from models.registry import build
from models.targets import membrane_target
from models.training import train
from tests.models.builders import DEEP, DILATED, FLAT, REFINER, STILL, block, settings


@pytest.mark.parametrize("target", get_args(TargetName))
def test_whatever_a_network_learns_to_draw_it_predicts_where_membrane_is(tmp_path: Path, target: TargetName) -> None:
    phantom = make_phantom((4, 96, 96), seed=3)
    largest = np.bincount(phantom.labels.ravel())[1:].argsort()[-8:] + 1
    config = settings(
        network=FLAT.model_copy(update={"target": target}),
        target_ids=largest.tolist() if target == "binary" else (),
        steps=50,
        batch=4,
        patch_px=64,
        augmentation=STILL,
        average=0.5,
    )
    one = TrainingBlock(phantom.image, phantom.labels, np.ones(4, dtype=bool))
    result = train([one], config, out_dir=tmp_path)
    assert load_checkpoint(result.checkpoint).network.target == target
    found = predict(
        result.checkpoint,
        lambda z0, z1: phantom.image[z0:z1],
        n_sections=4,
        sections=range(4),
        config=PredictionConfig(variants=4, precision="float32"),
    ).mean
    assert found.shape == phantom.labels.shape
    assert 0 <= found.min() <= found.max() <= 1
    membrane = ~np.isin(phantom.labels, largest) if target == "binary" else membrane_target(phantom.labels)
    assert found[membrane].mean() > found[~membrane].mean() + 0.1


@pytest.mark.parametrize("layout", [FLAT, DEEP, DILATED, REFINER])
def test_every_3d_network_has_as_many_outputs_as_the_target(layout: Layout) -> None:
    if layout.architecture == "refiner":
        asked: Layout = layout.model_copy(update={"embedding": DEEP.model_copy(update={"target": "affinities"})})
    else:
        asked = layout.model_copy(update={"target": "affinities"})
    drawn = build(asked)(torch.zeros(1, 1, 2 + 2 * asked.context_sections, 32, 32))
    assert drawn.shape == (1, OUTPUTS["affinities"], 2, 32, 32)


def test_a_voxel_is_membrane_where_it_is_parted_from_a_neighbour_in_its_section() -> None:
    affinities = torch.ones(1, len(NEAREST) + len(LONG_RANGE), 1, 1, 4)
    affinities[0, 0] = 0.0  # along z
    affinities[0, 3:] = 0.0  # long range
    affinities[0, 1, 0, 0, 1] = 0.25
    affinities[0, 2, 0, 0, 2] = 0.5
    assert membrane_drawn(affinities, "affinities").flatten().tolist() == [0.0, 0.75, 0.5, 0.0]


def test_the_membranes_edge_is_where_the_distance_is_0() -> None:
    distance = torch.tensor([-3.0, 0.0, 3.0])[None, None, None, None]
    outer, edge, inner = membrane_probability(distance, "signed_distance").flatten().tolist()
    assert edge == 0.5
    assert outer == pytest.approx(1 - inner)
    assert outer > 0.9


@pytest.mark.parametrize(("target", "ids"), [("binary", ()), ("membrane", (3,))])
def test_chosen_instances_and_a_target_that_has_no_use_for_them_are_refused(
    tmp_path: Path, target: TargetName, ids: tuple[int, ...]
) -> None:
    config = settings(network=FLAT.model_copy(update={"target": target}), target_ids=ids)
    with pytest.raises(InputError, match="do not go together"):
        train([block()], config, out_dir=tmp_path)


def test_chosen_instances_that_are_nowhere_are_refused(tmp_path: Path) -> None:
    config = settings(network=FLAT.model_copy(update={"target": "binary"}), target_ids=(99,))
    with pytest.raises(InputError, match="no foreground"):
        train([block()], config, out_dir=tmp_path)
