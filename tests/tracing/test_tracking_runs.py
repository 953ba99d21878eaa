import numpy as np

from tracing.tracking_objects import measured
from tracing.tracking_runs import runs_of_planes

PLANE = np.array([[1, 1, 2], [2, 2, 2]], np.int32)


def test_runs_end_with_the_row_and_where_any_plane_changes() -> None:
    assert runs_of_planes(PLANE).start.tolist() == [0, 2, 3]
    other = np.array([[7, 7, 7], [0, 7, 7]], np.int32)
    both = runs_of_planes(PLANE, other)
    assert both.start.tolist() == [0, 2, 3, 4]
    assert both.length_px.tolist() == [2, 1, 1, 2]


def test_measures_are_those_of_the_pixels() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(rng.integers(0, 5, (20, 10)), 3, axis=1).astype(np.int32)
    grey = rng.random(labels.shape, np.float32)
    found = measured(labels, grey, 5)
    assert found.area_px[5] == 0
    for one in range(1, 5):
        at = np.argwhere(labels == one).astype(float)
        (yy, yx), (_, xx) = np.cov(at.T, bias=True)
        np.testing.assert_allclose(found.centre_px[one], at.mean(axis=0))
        np.testing.assert_allclose(found.spread_px2[one], (yy + 1 / 12, yx, xx + 1 / 12))
        np.testing.assert_allclose(found.grey[one], grey[labels == one].mean(), rtol=1e-6)
