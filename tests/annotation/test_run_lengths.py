import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from annotation.client import brush
from annotation.run_lengths import run_lengths


def by_the_sdk(mask: NDArray[np.bool_]) -> list[int]:
    return list(brush().mask2rle(np.where(mask, 255, 0).astype(np.uint8)))


@given(arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=40)))
def test_it_writes_what_the_sdk_writes(mask: NDArray[np.bool_]) -> None:
    assert run_lengths(mask) == by_the_sdk(mask)


@given(st.lists(st.sampled_from([1, 2, 3, 4, 5, 63, 64, 65, 16_383, 16_384, 16_385, 40_000]), min_size=1, max_size=5))
def test_runs_of_every_length_are_written_as_the_sdk_does(pixels: list[int]) -> None:
    mask = np.repeat(np.arange(len(pixels)) % 2 == 1, pixels)[np.newaxis]
    assert run_lengths(mask) == by_the_sdk(mask)


@pytest.mark.parametrize("value", [False, True])
def test_what_is_all_alike_comes_back(value: bool) -> None:
    mask = np.full((300, 200), value)
    again = brush().decode_rle(run_lengths(mask)).reshape(300, 200, 4)
    assert (again == (255 if value else 0)).all()
