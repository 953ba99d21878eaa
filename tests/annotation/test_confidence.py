import numpy as np
from numpy.typing import NDArray

from annotation.confidence import confidence_of

PIECES = np.zeros((24, 40), np.int32)
PIECES[2:22, 2:19], PIECES[2:22, 21:38] = 1, 2


def membrane_between(height: float) -> NDArray[np.float32]:
    membrane: NDArray[np.float32] = np.where(PIECES == 0, 1, 0).astype(np.float32)
    membrane[2:22, 19:21] = height
    return membrane


def test_a_full_wall_around_an_empty_inside_is_certain() -> None:
    assert confidence_of(PIECES, membrane_between(1)).tolist() == [1, 1]


def test_a_border_is_as_good_as_its_weakest_tenth() -> None:
    # 20 of the 70 border pixels of either piece look at the weak wall.
    assert np.allclose(confidence_of(PIECES, membrane_between(0.3)), 0.3, atol=1 / 255)


def test_a_wall_inside_makes_an_object_doubtful_alone() -> None:
    membrane = membrane_between(1)
    membrane[2:22, 10] = 0.6
    assert np.allclose(confidence_of(PIECES, membrane), [0.4, 1], atol=1 / 255)


def test_no_membrane_is_expected_where_the_image_ends() -> None:
    cropped = confidence_of(PIECES[2:22, 2:38], membrane_between(1)[2:22, 2:38])
    assert cropped.tolist() == [1, 1]


def test_a_section_without_objects_has_no_confidences() -> None:
    assert confidence_of(np.zeros((5, 5), np.int32), np.zeros((5, 5), np.float32)).shape == (0,)
