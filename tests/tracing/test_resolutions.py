import numpy as np

from tracing.resolutions import halved, resolutions_of


def test_rows_and_columns_are_halved_until_a_section_is_small() -> None:
    assert resolutions_of((7, 1413, 600)) == [(7, 1413, 600), (7, 707, 300), (7, 354, 150), (7, 177, 75)]
    assert resolutions_of((7, 200, 256)) == [(7, 200, 256)]


def test_of_four_pixels_the_most_frequent_label_stays() -> None:
    big = 2**63 + 1
    labels = np.array([[[big, 2, 5, 0, 1], [2, big, 0, 0, 1], [3, 4, 7, 8, 9]]], np.uint64)
    assert halved(labels).tolist()[0][0] == [big, 0, 1]
    assert halved(labels)[0, 1].tolist() == [3, 7, 9]
    assert halved(labels).dtype == np.uint64


def test_a_label_that_three_pixels_have_wins_wherever_the_fourth_is() -> None:
    for place in range(4):
        square = np.full(4, 6, np.uint32)
        square[place] = 1
        assert halved(square.reshape(1, 2, 2)).item() == 6
