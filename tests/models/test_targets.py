import numpy as np
import pytest

from loop.errors import InputError
from models.targets import Target, binary_target, loss_mask, membrane_target, signed_distance_target


def test_voxels_labelled_zero_are_membrane() -> None:
    labels = np.array([[[1, 0, 1]]], dtype=np.uint32)
    assert membrane_target(labels, border_px=0).tolist() == [[[False, True, False]]]


def test_instances_that_touch_get_a_membrane_between_them() -> None:
    labels = np.array([[[1, 1, 1, 2, 2, 2]]], dtype=np.uint16)
    assert membrane_target(labels)[0, 0].tolist() == [False, False, True, True, False, False]
    assert membrane_target(labels, border_px=2)[0, 0].tolist() == [False, True, True, True, True, False]


def test_sections_do_not_border_on_each_other() -> None:
    labels = np.stack([np.full((4, 4), 1, np.uint8), np.full((4, 4), 2, np.uint8)])
    assert not membrane_target(labels, border_px=2).any()


def test_labels_are_left_as_they_were() -> None:
    labels = np.array([[[1, 2, 0]]], dtype=np.uint64)
    membrane_target(labels, border_px=3)
    assert labels.tolist() == [[[1, 2, 0]]]


def test_a_binary_target_marks_the_chosen_ids_alone() -> None:
    labels = np.array([[[0, 3, 2**40, 5]]], dtype=np.uint64)
    assert binary_target(labels, [2**40, 3]).tolist() == [[[False, True, True, False]]]
    assert not binary_target(labels, []).any()
    with pytest.raises(InputError, match="no instances"):
        binary_target(labels, [3, 0])


def test_signed_distance_is_positive_inside_negative_in_membrane_and_bounded() -> None:
    labels = np.array([[[0, 0, 1, 1, 1, 1]], [[1, 1, 1, 1, 1, 1]], [[0, 0, 0, 0, 0, 0]]], dtype=np.uint32)
    distance = signed_distance_target(labels, border_px=0, most_px=3)
    assert distance.dtype == np.float32
    assert distance.tolist() == [[[-2, -1, 1, 2, 3, 3]], [[3] * 6], [[-3] * 6]]


def test_a_border_with_what_is_not_annotated_does_not_count() -> None:
    annotated = np.array([[[True, True, True, False, False]], [[True] * 5], [[False] * 5]])
    assert loss_mask(annotated, border_px=1)[0, 0].tolist() == [True, True, False, False, False]
    assert loss_mask(annotated, border_px=2)[0, 0].tolist() == [True, False, False, False, False]
    np.testing.assert_array_equal(loss_mask(annotated, border_px=2)[1:], annotated[1:])
    np.testing.assert_array_equal(loss_mask(annotated, border_px=0), annotated)


def test_affinities_part_instances_where_their_membrane_is() -> None:
    labels = np.array([[[1, 1, 1, 1, 2, 2, 2, 2]]], dtype=np.uint32)
    drawn, counts = Target("affinities", border_px=1).drawn(labels, np.ones(labels.shape, dtype=bool))
    # to the left neighbour: never across the membrane of 2 px, and not from the first voxel, which has none
    assert drawn[2, 0, 0].tolist() == [0, 1, 1, 0, 0, 0, 1, 1]
    assert counts[2, 0, 0].tolist() == [0, 1, 1, 1, 1, 1, 1, 1]


def test_a_distance_counts_only_as_far_from_what_is_not_annotated_as_it_goes() -> None:
    annotated = np.ones((2, 1, 40), dtype=bool)
    annotated[0, 0, :10] = False
    _, counts = Target("signed_distance", border_px=1).drawn(np.ones(annotated.shape, np.uint32), annotated)
    assert counts[0, 0, 0].tolist() == [0] * 26 + [1] * 14
    assert counts[0, 1].all()


def test_chosen_instances_are_found_by_the_numbers_of_the_labels() -> None:
    labels = np.array([[[0, 2**40, 5]]], dtype=np.uint64)
    target = Target("binary", ids=(2**40,))
    drawn, counts = target.drawn(target.instances(labels), np.array([[[True, True, False]]]))
    assert (drawn.tolist(), counts.tolist()) == ([[[[0, 1, 0]]]], [[[[1, 1, 0]]]])
