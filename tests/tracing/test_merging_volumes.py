import numpy as np
from numpy.typing import NDArray

from tracing.merging_volumes import Merged, OverlapRules, Overlaps

LEFT = np.array([[1, 1, 1, 2, 2, 2, 0, 0, 0]] * 2)
RIGHT = np.array([[0, 0, 0, 7, 7, 7, 9, 9, 9]] * 2)


def merged(*sections: NDArray[np.int64], least_iou: float = 0.3) -> Merged:
    overlaps = Overlaps()
    overlaps.add(5, enumerate(sections))
    return overlaps.merged(OverlapRules(least_iou=least_iou))


def test_what_lies_on_one_another_becomes_one_and_the_rest_keeps_apart() -> None:
    found = merged(LEFT, RIGHT)
    assert found.axons == {(0, 1): 1, (0, 2): 2, (1, 7): 2, (1, 9): 3}
    assert (found.joined, found.conflicts) == (1, [])


def test_what_one_volume_has_in_two_pieces_joins_the_larger_and_the_other_is_told_of() -> None:
    found = merged(np.array([[4, 4, 4, 4, 4]]), np.array([[1, 1, 1, 2, 2]]))
    assert found.axons[0, 4] == found.axons[1, 1] != found.axons[1, 2]
    (conflict,) = found.conflicts
    assert (conflict.volume, conflict.axon, conflict.other_volume, conflict.other_axon) == (0, 4, 1, 2)
    assert (conflict.voxels, conflict.share, conflict.other_share, conflict.z) == (2, 0.4, 1.0, 5)
    assert conflict.kind == "second best"


def test_too_little_overlap_joins_nothing() -> None:
    sections = np.array([[1, 1, 3, 3, 3, 3]]), np.array([[5, 5, 5, 5, 5, 5]])  # 3 and 5: 4 of 6
    assert merged(*sections, least_iou=0.7).joined == 0
    assert {conflict.kind for conflict in merged(*sections, least_iou=0.7).conflicts} == {
        "little overlap",
        "second best",
    }
    assert merged(*sections, least_iou=0.6).joined == 1


def test_two_axons_of_one_volume_never_become_one_through_others() -> None:
    first = np.array([[1, 1, 1, 1, 0, 0, 0, 2, 2, 2]])
    second = np.array([[3, 3, 3, 3, 3, 3, 0, 0, 0, 0]])
    third = np.array([[0, 0, 0, 0, 4, 4, 4, 4, 4, 4]])  # 1 is 3, 3 is 4, 4 is 2: but 1 is not 2
    found = merged(first, second, third)
    assert found.axons[0, 1] != found.axons[0, 2]
    assert found.joined == 2
    assert [conflict.kind for conflict in found.conflicts] == ["two in one"]


def test_ids_beyond_32_bits_are_told_apart() -> None:
    far = 2**63 + 2
    found = merged(np.array([[far, far + 1]], np.uint64), np.array([[far + 1, far]], np.uint64))
    assert found.axons[0, far] == found.axons[1, far + 1] != found.axons[0, far + 1]
