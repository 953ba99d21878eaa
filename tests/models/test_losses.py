import math
from typing import get_args

import pytest
import torch

from models.losses import binary_loss, loss_of
from models.names import LossName

SHAPE = (1, 1, 1, 2, 5)
NAMES = get_args(LossName)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("truth", [0.0, 1.0])
def test_the_loss_is_finite_on_crops_of_one_class(name: LossName, truth: float) -> None:
    logits = torch.full(SHAPE, 60.0, requires_grad=True)
    loss = binary_loss(logits, torch.full(SHAPE, truth), torch.ones(SHAPE), name=name)
    loss.backward()  # type: ignore[no-untyped-call]
    assert math.isfinite(loss.item())
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_lost_where_nothing_counts(name: LossName) -> None:
    assert binary_loss(torch.randn(SHAPE), torch.ones(SHAPE), torch.zeros(SHAPE), name=name).item() == 0


@pytest.mark.parametrize("name", NAMES)
def test_voxels_outside_the_mask_change_nothing(name: LossName) -> None:
    generator = torch.Generator().manual_seed(0)
    logits, target = torch.randn(SHAPE, generator=generator), torch.rand(SHAPE, generator=generator).round()
    mask = torch.ones(SHAPE)
    mask[..., 0] = 0
    spoilt = torch.where(mask > 0, logits, 99.0)
    before, after = (binary_loss(given, target, mask, name=name) for given in (logits, spoilt))
    assert before.item() == pytest.approx(after.item())


@pytest.mark.parametrize("name", NAMES)
def test_a_better_prediction_loses_less(name: LossName) -> None:
    target = torch.tensor([0.0, 1.0, 0.0, 1.0, 0.0] * 2).reshape(SHAPE)
    right, wrong = (binary_loss(sign * (8 * target - 4), target, torch.ones(SHAPE), name=name) for sign in (1, -1))
    assert right.item() < 0.1 < wrong.item()


RARE = torch.tensor([1.0] + [0.0] * 9).reshape(SHAPE)


def test_dice_focal_and_their_sum_have_the_values_of_pencil_and_paper() -> None:
    every, undecided = torch.ones(SHAPE), torch.zeros(SHAPE)
    # at probability one half: overlap 1/2, sums 5 and 1, one voxel added above and below
    dice = 1 - (2 * 0.5 + 1) / (5 + 1 + 1)
    assert binary_loss(undecided, RARE, every, name="dice").item() == pytest.approx(dice)
    focal = 0.25 * math.log(2)
    assert binary_loss(undecided, RARE, every, name="focal").item() == pytest.approx(focal)
    assert binary_loss(undecided, RARE, every, name="focal_dice").item() == pytest.approx(focal + dice)
    assert binary_loss(undecided, RARE, every, name="bce_dice").item() == pytest.approx(math.log(2) + dice)


def test_focal_loss_forgets_what_is_nearly_right() -> None:
    sure = torch.full(SHAPE, math.log(9))  # probability 0.9
    loss = binary_loss(sure, torch.ones(SHAPE), torch.ones(SHAPE), name="focal")
    assert loss.item() == pytest.approx(-(0.1**2) * math.log(0.9))


def test_weighted_cross_entropy_gives_rare_membrane_the_say_of_its_background() -> None:
    target = torch.tensor([1.0] + [0.0] * 9).reshape(SHAPE)
    loss = binary_loss(torch.zeros(SHAPE), target, torch.ones(SHAPE), name="weighted_bce")
    # f = 1/10, so w = 9 on the one membrane voxel and 1 on nine others: 18 ln 2 over 10 voxels
    assert loss.item() == pytest.approx(1.8 * math.log(2))


def test_the_weight_of_very_rare_membrane_is_clamped_to_fifty() -> None:
    target = torch.zeros(1, 1, 1, 1, 1000)
    target[..., 0] = 1
    loss = binary_loss(torch.zeros_like(target), target, torch.ones_like(target), name="weighted_bce")
    # unclamped the weight would be 999
    assert loss.item() == pytest.approx((50 + 999) / 1000 * math.log(2))


def test_right_distances_cannot_be_bettered_and_near_the_membrane_errors_cost_most() -> None:
    wanted = torch.tensor([-2.0, -1.0, 1.0, 2.0, 15.0])[None, None, None, None]
    drawn = wanted.clone().requires_grad_()
    right = loss_of(drawn, wanted, torch.ones_like(wanted), target="signed_distance", name="bce")
    right.backward()  # type: ignore[no-untyped-call]
    assert drawn.grad is not None
    assert drawn.grad.abs().max().item() == pytest.approx(0, abs=1e-6)
    far, near = wanted.clone(), wanted.clone()
    far[..., 4] -= 2
    near[..., 2] -= 2
    every = torch.ones_like(wanted)
    costs = [loss_of(given, wanted, every, target="signed_distance", name="bce").item() for given in (far, near)]
    assert right.item() < costs[0] < costs[1]


def test_affinities_that_are_all_one_miss_the_rare_places_that_are_parted() -> None:
    wanted = torch.ones(SHAPE)
    wanted[..., 0] = 0
    every, sure = torch.ones(SHAPE), 8.0
    right, joined = (
        loss_of(sure * drawn, wanted, every, target="affinities", name="dice") for drawn in (2 * wanted - 1, every)
    )
    assert right.item() < 0.05
    # nothing of two parted pairs found, one voxel added above and below
    assert joined.item() == pytest.approx(1 - 1 / 3, rel=1e-2)
