"""Counted by hand on rows of pixels: each letter is a profile ten pixels wide, a space is membrane."""

import numpy as np
import pytest
from numpy.typing import NDArray

from loop.agreement import section_agreement
from loop.errors import InputError


def section(*rows: str) -> NDArray[np.uint32]:
    ids = [[0 if letter == " " else ord(letter) for letter in row] for row in rows]
    return np.repeat(np.array(ids, np.uint32), 10, axis=1)


def test_the_same_objects_under_other_ids_agree_wholly() -> None:
    found = section_agreement(section("aa bb"), section("xx yy"))
    assert (found.matched, found.only_first, found.only_second) == (2, 0, 0)
    assert (found.mean_iou, found.worst) == (1, [])
    assert found.voi == pytest.approx(0)
    assert found.adapted_rand_error == pytest.approx(0)


def test_objects_that_one_annotator_alone_has_count_zero_and_are_located() -> None:
    found = section_agreement(section("aa b   "), section("aa   cc"))
    assert (found.matched, found.only_first, found.only_second) == (1, 1, 1)
    assert found.mean_iou == pytest.approx(1 / 3)
    assert [(one.y, one.x, one.iou) for one in found.worst] == [(0, 30, 0), (0, 50, 0)]
    assert found.voi == pytest.approx(0)


def test_an_object_that_one_annotator_parts_lowers_every_measure() -> None:
    found = section_agreement(section("aaaa"), section("aaab"))
    assert (found.matched, found.only_first, found.only_second) == (1, 0, 1)
    assert found.mean_iou == pytest.approx(0.75 / 2)
    # Pairs of pixels joined by the first 40 * 39, by the second, and by both, 30 * 29 + 10 * 9.
    assert found.voi == pytest.approx(-(0.75 * np.log2(0.75) + 0.25 * np.log2(0.25)))
    assert found.adapted_rand_error == pytest.approx(1 - 2 * 960 / (1560 + 960))


def test_neither_annotation_counts_as_the_truth() -> None:
    one, other = section("aaaa bb "), section("aab  bbb")
    here, there = section_agreement(one, other), section_agreement(other, one)
    assert (here.matched, here.mean_iou) == (there.matched, there.mean_iou)
    assert here.voi == pytest.approx(there.voi)
    assert here.adapted_rand_error == pytest.approx(there.adapted_rand_error)
    assert (here.only_first, here.only_second) == (there.only_second, there.only_first)


def test_annotations_without_a_common_pixel_have_no_measures() -> None:
    found = section_agreement(section("a "), section(" b"))
    assert (found.voi, found.adapted_rand_error, found.mean_iou) == (None, None, 0)
    assert section_agreement(section("  "), section("  ")).mean_iou == 1


def test_annotations_of_two_shapes_are_refused() -> None:
    with pytest.raises(InputError, match="differ in shape"):
        section_agreement(section("a"), section("aa"))
