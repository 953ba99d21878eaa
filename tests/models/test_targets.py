import numpy as np

from models.targets import membrane_target


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
