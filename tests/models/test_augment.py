import numpy as np
import pytest
from numpy.typing import NDArray

from models.augment import augment, warp
from models.augment_config import AugmentConfig
from tests.models.builders import STILL, tubes

DAMAGE = {"missing_rate": 1, "line_rate": 1, "faint_rate": 1, "blur_rate": 1}
WILD = AugmentConfig(elastic_rate=1, slip_rate=1, shift_rate=1, section_grade_rate=1).model_copy(update=DAMAGE)


def test_inputs_are_never_modified_and_equal_seeds_give_equal_views() -> None:
    image, labels = tubes()
    before = image.copy(), labels.copy()
    ids = labels.astype(np.int32)
    first, second = (augment(image, ids, config=WILD, rng=np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(image, before[0])
    np.testing.assert_array_equal(ids, before[1])
    np.testing.assert_array_equal(first.image, second.image)
    np.testing.assert_array_equal(first.labels, second.labels)


def test_mirrors_alone_keep_every_grey_value_and_label_together() -> None:
    ids = np.random.default_rng(0).integers(0, 256, size=(3, 8, 8)).astype(np.int32)
    seen = set()
    for seed in range(200):
        patch = augment(ids.astype(np.uint8), ids, config=STILL, rng=np.random.default_rng(seed))
        np.testing.assert_allclose(patch.image * 255, patch.labels, atol=1e-3)
        seen.add(patch.labels.tobytes())
    assert len(seen) == 16


def test_image_and_labels_of_a_drawn_grid_stay_aligned_under_bending_slip_and_shift() -> None:
    labels = np.zeros((4, 96, 96), dtype=np.int32)
    labels[:, 8:-8:16] = labels[:, :, 8:-8:16] = labels[:, 9:-8:16] = labels[:, :, 9:-8:16] = 1
    bent = STILL.model_copy(update={"elastic_rate": 1, "slip_rate": 1, "shift_rate": 1})
    for seed in range(8):
        patch = augment((labels * 255).astype(np.uint8), labels, config=bent, rng=np.random.default_rng(seed))
        # linear and nearest sampling can only disagree where the interpolated grey is near one half
        assert ((patch.image > 0.5) == (patch.labels == 1)).mean() > 0.99
        np.testing.assert_array_equal((patch.image > 0.75) & (patch.labels == 0), False)
        np.testing.assert_array_equal((patch.image < 0.25) & (patch.labels == 1), False)
        assert set(np.unique(patch.labels)) <= {0, 1}


def test_warping_fetches_pixels_from_where_the_displacement_points() -> None:
    stack = np.arange(12, dtype=np.float32).reshape(1, 3, 4)
    aside = np.zeros((1, 2, 3, 4), dtype=np.float32)
    aside[:, 0] = 1
    np.testing.assert_allclose(warp(stack, aside, mode="bilinear")[0, :2], stack[0, 1:], atol=1e-5)
    aside[:, 0], aside[:, 1] = 0, 0.5
    np.testing.assert_allclose(warp(stack, aside, mode="bilinear")[0, :, :3], stack[0, :, :3] + 0.5, atol=1e-5)


def test_a_lost_section_is_even_grey_and_its_neighbours_are_not() -> None:
    image, labels = tubes()
    lossy = STILL.model_copy(update={"missing_rate": 1})
    patch = augment(image, labels.astype(np.int32), config=lossy, rng=np.random.default_rng(1))
    assert sorted(np.ptp(section) == 0 for section in patch.image) == [False] * 5 + [True]


@pytest.mark.parametrize("seed", range(12))
def test_damaged_sections_are_never_neighbours_and_keep_their_labels(seed: int) -> None:
    image, labels = tubes(sections=9)
    spoiling = STILL.model_copy(update=DAMAGE)
    sound, spoilt = (
        augment(image, labels.astype(np.int32), config=config, rng=np.random.default_rng(seed))
        for config in (STILL, spoiling)
    )
    np.testing.assert_array_equal(spoilt.labels, sound.labels)
    damaged = np.flatnonzero((spoilt.image != sound.image).any(axis=(1, 2)))
    # nine sections have room for three that are not neighbours, wherever they are
    assert 3 <= len(damaged) <= 4
    assert np.diff(damaged).min() >= 2


def altered(rate: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A section as it was and as the damage named by `rate` leaves it."""
    image, labels = tubes(sections=1, px=96)
    before, after = (
        augment(image, labels.astype(np.int32), config=config, rng=np.random.default_rng(4)).image[0]
        for config in (STILL, STILL.model_copy(update={rate: 1}))
    )
    return before, after


def test_a_line_of_one_grey_crosses_a_section_and_leaves_the_rest() -> None:
    before, after = altered("line_rate")
    changed = before != after
    assert 96 / 2 < changed.sum() < 96 * 8
    assert np.ptp(after[changed]) == 0


def test_a_faint_section_keeps_its_mean_and_loses_its_contrast() -> None:
    before, after = altered("faint_rate")
    assert after.mean() == pytest.approx(before.mean(), abs=1e-4)
    assert 0.1 <= after.std() / before.std() <= 0.5


def test_a_section_out_of_focus_loses_its_detail_but_not_its_walls() -> None:
    before, after = altered("blur_rate")
    assert after.mean() == pytest.approx(before.mean(), abs=1e-3)
    assert np.abs(np.diff(after)).mean() < 0.5 * np.abs(np.diff(before)).mean()
    assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.5


def test_a_lone_section_is_never_lost() -> None:
    before, after = altered("missing_rate")
    np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize(("rate", "greys"), [(0, 1), (1, 6)])
def test_grades_are_drawn_for_the_patch_or_for_each_section(rate: float, greys: int) -> None:
    grey, labels = np.full((6, 8, 8), 100, np.uint8), np.zeros((6, 8, 8), np.int32)
    config = STILL.model_copy(update={"brightness": 0.15, "section_grade_rate": rate})
    patch = augment(grey, labels, config=config, rng=np.random.default_rng(0))
    assert len(np.unique(patch.image)) == greys


@pytest.mark.parametrize("seed", range(5))
def test_grey_values_stay_between_black_and_white(seed: int) -> None:
    image, labels = tubes()
    patch = augment(image, labels.astype(np.int32), config=WILD, rng=np.random.default_rng(seed))
    assert patch.image.dtype == np.float32
    assert 0 <= patch.image.min() <= patch.image.max() <= 1
