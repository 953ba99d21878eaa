import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from annotation.spans import Spans, both, minus, runs_of

masks = arrays(np.bool_, (2, 4, 5))


def spans_of(stack: NDArray[np.bool_]) -> Spans:
    """Two masks as the spans of polygons 0 and 1."""
    parts = [runs_of(mask.astype(np.int32), np.array([1])) for mask in stack]
    return Spans(
        np.repeat([0, 1], [len(part.start) for part in parts]).astype(np.intp),
        np.concatenate([part.start for part in parts]),
        np.concatenate([part.stop for part in parts]),
    )


def stack_of(spans: Spans) -> NDArray[np.bool_]:
    stack = np.zeros((2, 20), np.bool_)
    index, polygon = spans.pixels()
    stack[polygon, index] = True
    return stack.reshape(2, 4, 5)


@settings(max_examples=100, deadline=None)
@given(masks, masks)
def test_spans_are_combined_as_masks_are(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> None:
    one, two = spans_of(first), spans_of(second)
    assert np.array_equal(stack_of(both(one, two)), first & second)
    assert np.array_equal(stack_of(minus(one, two)), first & ~second)


@settings(max_examples=50, deadline=None)
@given(masks, st.integers(0, 1), st.integers(0, 19))
def test_a_pixel_is_held_by_the_polygon_that_has_it(stack: NDArray[np.bool_], polygon: int, index: int) -> None:
    held = spans_of(stack).hold(np.array([polygon]), np.array([index]))
    assert held.tolist() == [bool(stack[polygon].ravel()[index])]


def test_runs_end_with_their_row() -> None:
    spans = runs_of(np.array([[0, 3, 3], [3, 0, 2]], np.int32), np.array([2, 3]))
    assert spans.polygon.tolist() == [0, 1, 1]
    assert spans.start.tolist() == [5, 1, 3]
    assert spans.stop.tolist() == [6, 3, 4]
