"""The reviewer's picture of an answer."""

import numpy as np

from annotation.overlay import AFTER, BEFORE, SAME, overlay


def halves(columns: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint32]]:
    labels = np.ones((100, 100), np.uint32)
    labels[:, columns:] = 2
    return labels


def test_small_sections_are_enlarged_and_what_moved_stands_out() -> None:
    image = np.full((100, 100), 7, np.uint8)
    picture = overlay(image, halves(40), halves(60))
    assert picture.shape == (1000, 1000, 3)
    row = [tuple(pixel) for pixel in picture[500].tolist()]
    assert [row.count(colour) for colour in (SAME, BEFORE, AFTER)] == [0, 2, 2]
    assert (row.index(BEFORE), row.index(AFTER)) == (399, 599)
    assert set(row) == {(7, 7, 7), BEFORE, AFTER}
    assert tuple(overlay(image, halves(40), halves(40))[500, 400]) == SAME
    large = np.zeros((1200, 1100), np.uint8)
    assert overlay(large, large, large).shape == (1200, 1100, 3)
