import numpy as np

from models.affinities import LONG_RANGE, NEAREST, affinity_mask, affinity_target


def test_neighbours_of_one_instance_are_joined_and_membrane_joins_nothing() -> None:
    labels = np.array([[[1, 1, 2, 0, 0]]], dtype=np.uint32)
    assert affinity_target(labels, [(0, 0, -1)]).tolist() == [[[[False, True, False, False, False]]]]
    assert affinity_target(labels, [(0, 0, 1)]).tolist() == [[[[True, False, False, False, False]]]]


def test_offsets_are_zyx_and_reach_far() -> None:
    labels = np.zeros((3, 4, 5), dtype=np.uint8)
    labels[0, 1, 4] = labels[2, 0, 0] = 7
    joined = affinity_target(labels, [(2, -1, -4), (-2, 1, 4), (2, -1, -3)])
    assert np.argwhere(joined).tolist() == [[0, 0, 1, 4], [1, 2, 0, 0]]


def test_pairs_that_leave_the_array_or_the_annotated_part_do_not_count() -> None:
    annotated = np.array([[[True, True, False, True]]])
    assert affinity_mask(annotated, [(0, 0, -1)]).tolist() == [[[[False, True, False, False]]]]
    assert not affinity_mask(annotated, [(-1, 0, 0), (0, 0, 9), (0, 0, -9)]).any()


def test_there_is_one_channel_for_each_offset_and_none_where_the_partner_is_outside() -> None:
    labels = np.ones((4, 30, 30), dtype=np.uint16)
    offsets = NEAREST + LONG_RANGE
    np.testing.assert_array_equal(affinity_target(labels), affinity_mask(labels > 0))
    assert affinity_target(labels).shape == (len(offsets), 4, 30, 30)
    outside = [4 * 30 * 30 - joined.sum() for joined in affinity_target(labels)]
    assert outside == [900, 120, 120, 1800, 2700, 9 * 120, 9 * 120, 27 * 120, 27 * 120]
