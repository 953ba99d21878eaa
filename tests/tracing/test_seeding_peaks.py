import numpy as np
from skimage.measure import label
from skimage.morphology import h_maxima

from tracing.seeding_peaks import peaks

ROW = np.array([[0, 5, 3, 4, 0, 4, 1, 2, 0]], np.float32)


def test_a_peak_is_what_no_way_less_deep_joins_to_something_higher() -> None:
    assert np.flatnonzero(peaks(ROW, 0.5)).tolist() == [1, 3, 5, 7]
    assert np.flatnonzero(peaks(ROW, 1.5)).tolist() == [1, 5]
    assert peaks(ROW, 1.5)[0, [1, 5]].tolist() == [1, 2]


def test_of_two_equal_maxima_on_one_ridge_one_stays() -> None:
    assert np.count_nonzero(peaks(np.array([[0, 5, 4, 5, 0]], np.float32), 2.0)) == 1


def test_peaks_lie_where_the_h_maxima_of_scikit_image_lie() -> None:
    height = np.random.default_rng(0).normal(size=(60, 80)).cumsum(axis=0).cumsum(axis=1).astype(np.float32)
    theirs = label(h_maxima(height, 3.0))
    found = theirs[peaks(height, 3.0) > 0]
    assert sorted(found.tolist()) == list(range(1, int(theirs.max()) + 1))
