import numpy as np

from annotation.boundaries import pieces_of
from annotation.contours import contours_of
from annotation.specks import without_specks


def three_cells() -> np.ndarray[tuple[int, ...], np.dtype[np.uint32]]:
    labels = np.ones((40, 40), np.uint32)
    labels[20:, :20], labels[20:, 20:] = 2, 3
    labels[19:21, 19:21] = 0
    return labels


def test_a_speck_goes_to_the_largest_region_beside_it() -> None:
    filled = without_specks(pieces_of(three_cells()), 4, share=0.01)
    assert (filled[19:21, 19:21] == 1).all()


def test_a_speck_between_three_objects_costs_them_no_vertices() -> None:
    assert max(len(contour.points) for contour in contours_of(three_cells())) <= 7


def test_no_region_takes_more_than_its_share() -> None:
    labels = three_cells()
    assert np.array_equal(without_specks(pieces_of(labels), 4, share=0.004), pieces_of(labels))  # 4 of 798 px


def test_larger_pieces_of_background_stay() -> None:
    labels = three_cells()
    labels[5:8, 5:8] = 0
    filled = without_specks(pieces_of(labels), 4, share=0.1)
    assert np.count_nonzero(filled == 0) == 9
