import numpy as np
import pytest

from tests.tracing.stacks import tiling
from tracing.scale import guessed_pixel_nm


def test_a_pixel_is_as_much_smaller_as_objects_have_more_of_them() -> None:
    cells = tiling()
    one, three = guessed_pixel_nm([cells]), guessed_pixel_nm([cells.repeat(3, axis=0).repeat(3, axis=1)])
    assert one is not None
    assert three == pytest.approx(one / 3)


def test_without_objects_nothing_is_guessed() -> None:
    assert guessed_pixel_nm([np.zeros((4, 5), np.uint64)]) is None
    assert guessed_pixel_nm([]) is None
