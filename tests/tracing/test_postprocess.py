import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.measure import label

from loop.errors import InputError
from tracing.postprocess import PostprocessConfig, postprocess


def wall() -> NDArray[np.float32]:
    membrane = np.zeros((20, 20), np.float32)
    membrane[:, 9:11] = 1
    return membrane


def test_without_any_step_nothing_changes() -> None:
    membrane = np.random.default_rng(0).random((9, 11), np.float32)
    assert (postprocess(membrane, PostprocessConfig()) == membrane).all()


def test_what_is_given_stays_as_it_is() -> None:
    membrane = wall()
    postprocess(membrane, PostprocessConfig(dilation_px=2, bilateral_px=1, speck_px=9, hole_px=9))
    assert (membrane == wall()).all()


def test_a_wall_grows_by_the_radius_on_both_sides_and_shrinks_back() -> None:
    grown = postprocess(wall(), PostprocessConfig(dilation_px=3))
    assert np.flatnonzero(grown[10]).tolist() == list(range(6, 14))
    assert (postprocess(wall(), PostprocessConfig(dilation_px=3, erosion_px=3)) == wall()).all()


def test_growing_and_shrinking_closes_a_leak_in_a_wall() -> None:
    leaky = np.zeros((20, 20), np.float32)
    leaky[:, 8:12] = 1
    leaky[9:11] = 0
    assert label(leaky, background=1, connectivity=1).max() == 1
    closed = postprocess(leaky, PostprocessConfig(dilation_px=3, erosion_px=3))
    assert label(closed, background=1, connectivity=1).max() == 2


def test_a_bilateral_filter_evens_noise_out_and_keeps_the_wall() -> None:
    noise = np.random.default_rng(0).uniform(-0.05, 0.05, (20, 20)).astype(np.float32)
    clean = postprocess(np.clip(0.1 + 0.8 * wall() + noise, 0, 1), PostprocessConfig(bilateral_px=1.5))
    assert clean[:, 11:].std() < 0.5 * noise[:, 11:].std()
    assert clean[:, 9:11].min() > 0.8
    assert clean[:, 11].max() < 0.2


def test_specks_and_holes_below_the_size_go_and_those_of_the_size_stay() -> None:
    membrane = np.zeros((20, 20), np.float32)
    membrane[2, 2:4] = membrane[3, 4] = 1  # 3 pixels, one of them by its corner
    membrane[10:17, 10:17] = 1
    membrane[13, 12:14] = 0
    few = postprocess(membrane, PostprocessConfig(speck_px=3, hole_px=2))
    assert (few == membrane).all()
    clean = postprocess(membrane, PostprocessConfig(speck_px=4, hole_px=3))
    assert clean.sum() == 49
    assert clean[10:17, 10:17].all()


@pytest.mark.parametrize("wrong", [np.nan, -0.1, 255.0])
def test_values_that_are_no_probability_are_refused(wrong: float) -> None:
    with pytest.raises(InputError, match="no probability"):
        postprocess(np.full((3, 3), wrong), PostprocessConfig())
