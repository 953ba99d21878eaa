import numpy as np
import pytest
from numpy.typing import NDArray

from tracing.change import INTERCEPT, WEIGHTS, WINDOW_PX, change_probability

SIZE = 3 * WINDOW_PX


def maps(**found: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    return {kind: np.zeros((SIZE, SIZE)) for kind in WEIGHTS} | found


def test_where_nothing_is_found_a_change_is_unlikely() -> None:
    assert change_probability(maps()) == pytest.approx(1 / (1 + np.exp(-INTERCEPT)))
    assert change_probability(maps()).max() < 0.1
    assert (change_probability(maps() | {"unmatched": np.ones((SIZE, SIZE))}) == change_probability(maps())).all()


def test_a_fault_counts_in_the_window_around_it_and_twice_of_it_not_twice() -> None:
    one, two = np.zeros((SIZE, SIZE)), np.zeros((SIZE, SIZE))
    one[48:52, 48:52], two[48:52, 44:52] = 1, 1
    odds = [np.log(p / (1 - p)) - INTERCEPT for p in (change_probability(maps(misfit=found)) for found in (one, two))]
    assert odds[0][50, 50] == pytest.approx(WEIGHTS["misfit"] * np.sqrt(16 / WINDOW_PX**2))
    assert odds[1][50, 50] == pytest.approx(odds[0][50, 50] * np.sqrt(2))
    assert odds[0][50, 50 + WINDOW_PX] == 0


def test_the_entropy_of_sure_walls_speaks_for_no_change() -> None:
    walls, doubt = np.full((SIZE, SIZE), 0.3), np.full((SIZE, SIZE), 0.2)
    sure = change_probability(maps(membrane=walls, entropy=doubt))
    assert (sure < change_probability(maps(entropy=doubt))).all()
